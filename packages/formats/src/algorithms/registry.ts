import { FormatError } from '../errors.ts';

/** What a public key is, found in the key itself. Only the first five kinds ever verify a signature here. */
export type KeyKind = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa' | 'ed25519' | 'ecdsa-p224' | 'x25519' | 'dsa';

export type HashName = 'sha256' | 'sha384' | 'sha512';

/** `SHA2_256` … : how entry bodies and trust roots name a hash. SPEC: sigstore_common.proto HashAlgorithm */
export const PROTO_HASH_NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;

/** Digest sizes in bytes. */
export const HASH_SIZES = { sha256: 32, sha384: 48, sha512: 64 } as const;

export type SignatureScheme = 'ecdsa' | 'rsa-pkcs1' | 'rsa-pss' | 'ed25519' | 'ed25519ph' | 'ml-dsa' | 'lms' | 'none';

export interface KeyDetails {
  readonly name: KeyDetailsName;
  readonly number: number;
  readonly scheme: SignatureScheme;
  /** the key kind the name promises; absent for names that never had a usable meaning here */
  readonly kind?: KeyKind;
  /** modulus bits the name promises (RSA) */
  readonly bits?: number;
  /** the hash whose digest is signed; absent where the message itself is (pure Ed25519, ML-DSA) or nothing is stated */
  readonly hash?: HashName;
  /**
   * to verify a digest under it takes 1 to 3 ms, where others take 0.05 to 0.2: it is computed in JavaScript, or on a curve
   * for which OpenSSL has no fast code
   */
  readonly slow?: true;
  /** SPEC: sigstore_common.proto marks it deprecated */
  readonly deprecated?: true;
}

type Row = Omit<KeyDetails, 'name'>;

const rsa = (number: number, scheme: 'rsa-pkcs1' | 'rsa-pss', bits: number): Row => ({
  number,
  scheme,
  kind: 'rsa',
  bits,
  hash: 'sha256',
});

/** SPEC: sigstore protobuf-specs, sigstore_common.proto, enum PublicKeyDetails (names and numbers). */
const TABLE = {
  PUBLIC_KEY_DETAILS_UNSPECIFIED: { number: 0, scheme: 'none' },
  PKCS1_RSA_PKCS1V5: { number: 1, scheme: 'rsa-pkcs1', kind: 'rsa', deprecated: true },
  PKCS1_RSA_PSS: { number: 2, scheme: 'rsa-pss', kind: 'rsa', deprecated: true },
  PKIX_RSA_PKCS1V5: { number: 3, scheme: 'rsa-pkcs1', kind: 'rsa', deprecated: true },
  PKIX_RSA_PSS: { number: 4, scheme: 'rsa-pss', kind: 'rsa', deprecated: true },
  PKIX_ECDSA_P256_SHA_256: { number: 5, scheme: 'ecdsa', kind: 'ecdsa-p256', hash: 'sha256' },
  PKIX_ECDSA_P256_HMAC_SHA_256: { number: 6, scheme: 'none', kind: 'ecdsa-p256', deprecated: true },
  PKIX_ED25519: { number: 7, scheme: 'ed25519', kind: 'ed25519' },
  PKIX_ED25519_PH: { number: 8, scheme: 'ed25519ph', kind: 'ed25519', hash: 'sha512', slow: true },
  PKIX_RSA_PKCS1V15_2048_SHA256: rsa(9, 'rsa-pkcs1', 2048),
  PKIX_RSA_PKCS1V15_3072_SHA256: rsa(10, 'rsa-pkcs1', 3072),
  PKIX_RSA_PKCS1V15_4096_SHA256: rsa(11, 'rsa-pkcs1', 4096),
  PKIX_ECDSA_P384_SHA_384: { number: 12, scheme: 'ecdsa', kind: 'ecdsa-p384', hash: 'sha384', slow: true },
  PKIX_ECDSA_P521_SHA_512: { number: 13, scheme: 'ecdsa', kind: 'ecdsa-p521', hash: 'sha512', slow: true },
  LMS_SHA256: { number: 14, scheme: 'lms' },
  LMOTS_SHA256: { number: 15, scheme: 'lms' },
  PKIX_RSA_PSS_2048_SHA256: rsa(16, 'rsa-pss', 2048),
  PKIX_RSA_PSS_3072_SHA256: rsa(17, 'rsa-pss', 3072),
  PKIX_RSA_PSS_4096_SHA256: rsa(18, 'rsa-pss', 4096),
  PKIX_ECDSA_P384_SHA_256: { number: 19, scheme: 'ecdsa', kind: 'ecdsa-p384', hash: 'sha256', deprecated: true },
  PKIX_ECDSA_P521_SHA_256: { number: 20, scheme: 'ecdsa', kind: 'ecdsa-p521', hash: 'sha256', deprecated: true },
  ML_DSA_65: { number: 21, scheme: 'ml-dsa' },
  ML_DSA_87: { number: 22, scheme: 'ml-dsa' },
  ML_DSA_44: { number: 23, scheme: 'ml-dsa' },
} as const satisfies Record<string, Row>;

export type KeyDetailsName = keyof typeof TABLE;

const ROWS: readonly KeyDetails[] = Object.entries(TABLE).map(([name, row]) => ({
  name: name as KeyDetailsName,
  ...(row as Row),
}));
const BY_NAME: ReadonlyMap<string, KeyDetails> = new Map(ROWS.map((row) => [row.name, row]));
const BY_NUMBER: ReadonlyMap<number, KeyDetails> = new Map(ROWS.map((row) => [row.number, row]));

/** Name → number of every PublicKeyDetails value: the `values` of a protojson enum field. */
export const KEY_DETAILS_ENUM: Readonly<Record<string, number>> = Object.fromEntries(
  ROWS.map(({ name, number }) => [name, number]),
);

/** The row of a PublicKeyDetails name or number; undefined when the enum has no such value. */
export function keyDetailsInfo(nameOrNumber: string | number): KeyDetails | undefined {
  return typeof nameOrNumber === 'number' ? BY_NUMBER.get(nameOrNumber) : BY_NAME.get(nameOrNumber);
}

const DEFAULTS: Partial<Record<KeyKind, KeyDetailsName>> = {
  'ecdsa-p256': 'PKIX_ECDSA_P256_SHA_256',
  'ecdsa-p384': 'PKIX_ECDSA_P384_SHA_384',
  'ecdsa-p521': 'PKIX_ECDSA_P521_SHA_512',
};
const RSA_DEFAULTS: Partial<Record<number, KeyDetailsName>> = {
  2048: 'PKIX_RSA_PKCS1V15_2048_SHA256',
  3072: 'PKIX_RSA_PKCS1V15_3072_SHA256',
  4096: 'PKIX_RSA_PKCS1V15_4096_SHA256',
};

/**
 * The label clients derive from a key when they rebuild an entry: RSA means PKCS#1 v1.5; `ed25519` chooses whether an
 * Ed25519 key means signatures over the message (`pure`) or over its SHA-512 digest (`prehashed`, what logs store).
 * Undefined for keys that no label fits (P-224, RSA of other sizes, X25519, DSA).
 */
export function defaultKeyDetails(
  key: { readonly kind: KeyKind; readonly bits?: number },
  ed25519: 'pure' | 'prehashed' = 'pure',
): KeyDetails | undefined {
  let name = DEFAULTS[key.kind];
  if (key.kind === 'rsa' && key.bits !== undefined) name = RSA_DEFAULTS[key.bits];
  if (key.kind === 'ed25519') name = ed25519 === 'pure' ? 'PKIX_ED25519' : 'PKIX_ED25519_PH';
  return name === undefined ? undefined : BY_NAME.get(name);
}

/** As keyDetailsInfo, for values that the caller wrote itself. Throws `key_details_unknown`. */
export function requireKeyDetails(nameOrNumber: string | number): KeyDetails {
  const details = keyDetailsInfo(nameOrNumber);
  if (details === undefined) throw new FormatError('key_details_unknown', `no key details ${nameOrNumber}`);
  return details;
}
