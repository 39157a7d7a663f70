/** Shapes of the published documents, proto3 JSON. SPEC: protobuf-specs sigstore_trustroot.proto */
export interface TimeRangeJson {
  start: string;
  end?: string;
}

export interface LogInstanceJson {
  baseUrl: string;
  hashAlgorithm: 'SHA2_256';
  publicKey: { rawBytes: string; keyDetails: string; validFor: TimeRangeJson };
  logId: { keyId: string };
}

export interface CertificateAuthorityJson {
  subject: { organization?: string; commonName?: string };
  uri: string;
  certChain: { certificates: { rawBytes: string }[] };
  validFor: TimeRangeJson;
}

/** Only fields of schema v0.1: strict readers refuse a root with any other. */
export interface TrustedRootJson {
  mediaType: typeof TRUSTED_ROOT_MEDIA_TYPE;
  tlogs: LogInstanceJson[];
  certificateAuthorities: CertificateAuthorityJson[];
  ctlogs: LogInstanceJson[];
  timestampAuthorities: CertificateAuthorityJson[];
}

export interface ServiceJson {
  url: string;
  majorApiVersion: number;
  validFor: TimeRangeJson;
  operator: string;
}

export interface SigningConfigJson {
  mediaType: typeof SIGNING_CONFIG_MEDIA_TYPE;
  caUrls: ServiceJson[];
  oidcUrls: ServiceJson[];
  rekorTlogUrls: ServiceJson[];
  rekorTlogConfig: { selector: 'ANY' };
  tsaUrls: ServiceJson[];
  tsaConfig: { selector: 'ANY' };
}

export interface ClientTrustConfigJson {
  mediaType: typeof CLIENT_TRUST_CONFIG_MEDIA_TYPE;
  trustedRoot: TrustedRootJson;
  signingConfig: SigningConfigJson;
}

/** The older spelling: the only one that sigstore-go and sigstore-python accept. */
export const TRUSTED_ROOT_MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
export const SIGNING_CONFIG_MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
export const CLIENT_TRUST_CONFIG_MEDIA_TYPE = 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json';
