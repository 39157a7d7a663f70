/** A Sigstore bundle as JSON, as far as the suites look into it. SPEC: protobuf-specs sigstore_bundle.proto. */
export interface BundleJson {
  mediaType: string;
  verificationMaterial: {
    certificate?: { rawBytes: string };
    x509CertificateChain?: { certificates: { rawBytes: string }[] };
    tlogEntries: TlogEntryJson[];
    timestampVerificationData?: { rfc3161Timestamps?: { signedTimestamp: string }[] };
  };
  messageSignature?: { messageDigest: { algorithm: string; digest: string }; signature: string };
  dsseEnvelope?: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

export interface TlogEntryJson {
  /** Left out by some clients when it is 0. */
  logIndex?: string;
  inclusionProof: { hashes?: string[]; rootHash: string; treeSize: string; checkpoint: { envelope: string } };
  canonicalizedBody: string;
}

/** What somebody signed, and who it was. */
export interface Sample {
  /** For test names: who signed what. */
  readonly name: string;
  readonly bundle: BundleJson;
  readonly artifact: Buffer;
  readonly identity: string;
  readonly issuer: string;
}

/** A client that verifies with the trust material of one instance. Rejects with `Refused` when the answer is no. */
export interface Verifier {
  readonly name: string;
  verify(sample: Sample): Promise<void>;
}

/** A client's no, as opposed to a test that went wrong. */
export class Refused extends Error {}

/** DER of the signer's certificate. */
export function leafOf(bundle: BundleJson): Buffer {
  const material = bundle.verificationMaterial;
  const raw = material.certificate?.rawBytes ?? material.x509CertificateChain?.certificates[0]?.rawBytes;
  if (raw === undefined) throw new Error('the bundle has no certificate');
  return Buffer.from(raw, 'base64');
}

export function onlyEntry(bundle: BundleJson): TlogEntryJson {
  const [entry, ...more] = bundle.verificationMaterial.tlogEntries;
  if (entry === undefined || more.length > 0) throw new Error('the bundle has not exactly one log entry');
  return entry;
}

/** What the signature is over: the DSSE signature or the one of the message. */
export function signatureOf(bundle: BundleJson): Buffer {
  const text = bundle.messageSignature?.signature ?? bundle.dsseEnvelope?.signatures[0]?.sig;
  if (text === undefined) throw new Error('the bundle has no signature');
  return Buffer.from(text, 'base64');
}

/** DER of the TimeStampResp. SPEC: RFC 3161 §2.4.2. */
export function timestampOf(bundle: BundleJson): Buffer {
  const [first, ...more] = bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
  if (first === undefined || more.length > 0) throw new Error('the bundle has not exactly one timestamp');
  return Buffer.from(first.signedTimestamp, 'base64');
}
