import { readFileSync } from 'node:fs';
import { type CiProviderSettings, type IssuerEntry, type IssuersConfig } from '@sigstead/ca';
import { decodePem } from '@sigstead/formats';

/* Readers of the recorded answers; their format stands in test/vectors/recorded/README.md. */

const FOLDER = new URL('../../../../test/vectors/recorded/', import.meta.url);

export interface TokenSpec {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly headerRaw?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly claimsRaw?: string;
  readonly signedBy?: string;
  readonly signAlg?: string;
  readonly mutate?: string;
  readonly literal?: string;
}

export interface RequestLine {
  readonly name: string;
  readonly server: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly body?: string;
    readonly bodyTemplate?: string;
    readonly bodyBase64?: string;
    readonly bodyGenerator?: { parts?: [string, number][]; base64Parts?: [string, number][] };
  };
  readonly token?: TokenSpec | null;
  readonly compare: 'json' | 'issued' | 'json-status-and-code' | 'exact' | 'json-issuers-any-order';
  readonly response: RecordedResponse;
}

export interface RecordedResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly bodyText?: string;
  readonly bodyBase64?: string;
  readonly leaf?: RecordedLeaf;
  readonly leafDer?: string;
}

export interface RecordedLeaf {
  readonly extensions: readonly { oid: string; critical: boolean; valueHex?: string | null; volatile?: boolean }[];
  readonly [member: string]: unknown;
}

export interface CertificateLine {
  readonly name: string;
  readonly issuer: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly claimsRaw?: string;
  readonly proofOver: string;
  readonly publicKey: string;
  readonly response: RecordedResponse;
}

function readLines<T>(name: string): T[] {
  const text = readFileSync(new URL(name, FOLDER), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

export const requestLines = (): RequestLine[] => readLines<RequestLine>('ca-requests.jsonl');
export const certificateLines = (): CertificateLine[] => readLines<CertificateLine>('ca-certificates.jsonl');

export function keyPem(name: string): string {
  return readFileSync(new URL(`keys/${name}.pem`, FOLDER), 'utf8');
}

export function chainDer(name: string): Uint8Array[] {
  return decodePem(keyPem(name)).map(({ bytes }) => bytes);
}

interface RecordedConfig {
  readonly issuers: Record<string, IssuerEntry>;
  readonly metaIssuers: Record<string, IssuerEntry>;
  readonly ciProviders: Record<string, CiProviderSettings>;
}

const BUILT_TYPES = new Set(['email', 'uri', 'ci-provider', 'username', 'spiffe', 'kubernetes', 'chainguard-identity']);

/** The configuration of the recorded servers, less what this authority refuses to start with. */
export function recordedIssuers(): IssuersConfig {
  const config = JSON.parse(readFileSync(new URL('ca-config.json', FOLDER), 'utf8')) as RecordedConfig;
  const built = (entries: Record<string, IssuerEntry>): Record<string, IssuerEntry> =>
    Object.fromEntries(
      Object.entries(entries).filter(
        ([, entry]) => BUILT_TYPES.has(entry.type) && entry['ci-provider'] !== 'no-such-provider',
      ),
    );
  return { issuers: built(config.issuers), metaIssuers: built(config.metaIssuers), ciProviders: config.ciProviders };
}
