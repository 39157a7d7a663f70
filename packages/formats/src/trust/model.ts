/** When something counts. `endMs` absent: still in use. Milliseconds since 1970, whole numbers; both ends belong to the window. */
export interface ValidityWindow {
  startMs: number;
  endMs?: number;
}

export type LogKind = 'rekor-v1' | 'rekor-v2' | 'ct';

/** A log's key, in one place for as long as anything it signed may be verified. The log id is never given: it is computed. */
export interface TrustedLog<K extends LogKind = LogKind> {
  kind: K;
  /** URL used to write; for Rekor v2 its host name is the origin. */
  baseUrl: string;
  /** First line of a Rekor v2 log's checkpoints; when given it must equal the host name of `baseUrl`. */
  origin?: string;
  /** SubjectPublicKeyInfo, DER. */
  spki: Uint8Array;
  /** Name from the algorithm registry; when given it must fit the key. */
  keyDetails?: string;
  validFor: ValidityWindow;
}

/** One distinct chain of a certificate authority (issuing CA first) or timestamp authority (leaf first), anchor last. DER. */
export interface TrustedAuthority {
  /** CA: base URL. TSA: the full URL of timestamp requests. */
  uri: string;
  chain: readonly Uint8Array[];
  validFor: ValidityWindow;
}

/** A service that new signatures should use. */
export interface SigningService {
  url: string;
  majorApiVersion: number;
  validFor: ValidityWindow;
}

/** All trust material of one instance, past and present. Documents, legacy targets and metadata are derived from it. */
export interface TrustModel {
  /** Name of who runs all the services, e.g. `example.org`: goes into the signing config. */
  operator: string;
  certificateAuthorities: readonly TrustedAuthority[];
  tlogs: readonly TrustedLog<'rekor-v1' | 'rekor-v2'>[];
  ctlogs: readonly TrustedLog<'ct'>[];
  timestampAuthorities: readonly TrustedAuthority[];
  signing: {
    ca: readonly SigningService[];
    oidc: readonly SigningService[];
    rekor: readonly SigningService[];
    tsa: readonly SigningService[];
  };
}

/** Is `nowMs` inside the window? SPEC: sigstore_common.proto TimeRange (both ends inclusive) */
export function windowHolds(window: ValidityWindow, nowMs: number): boolean {
  return window.startMs <= nowMs && (window.endMs === undefined || nowMs <= window.endMs);
}
