/** A bundle, as far as a log has part in it. SPEC: sigstore protobuf-specs, sigstore_bundle.proto */
export interface Bundle {
  verificationMaterial: {
    certificate?: { rawBytes: string };
    x509CertificateChain?: { certificates: { rawBytes: string }[] };
    tlogEntries: LogEntry[];
  };
  messageSignature?: { messageDigest: { digest: string }; signature: string };
  dsseEnvelope?: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

export interface LogEntry {
  logIndex?: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  inclusionProof?: {
    logIndex?: string;
    rootHash: string;
    treeSize: string;
    hashes?: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
}

/** SPEC: sigstore protobuf-specs, sigstore_trustroot.proto */
export interface TrustedRoot {
  tlogs: { baseUrl: string; publicKey: { rawBytes: string }; logId: { keyId: string } }[];
}

/** A vector of the conformance suite: the end of its name is its verdict. */
export interface Vector {
  name: string;
  bundle: Bundle;
  root: TrustedRoot;
}

export function mustFail(name: string): boolean {
  return name.endsWith('_fail');
}
