/** Recorded answers that ours does not repeat, each with its reason. `later`: not built yet; `departure`: on purpose. */
export interface RecordedException {
  name: string;
  kind: 'later' | 'departure';
  reason: string;
}

const MISLABELLED =
  'upstream compares only the hash of keyDetails with the key and logs the wrong label; clients rebuild the leaf with the key’s own label, so the entry could never be verified: 400 here';
const READ_SERVED =
  'upstream’s server does not serve its tree and leaves that to a bucket; here the log serves checkpoint, tiles and bundles itself';

const departure =
  (reason: string) =>
  (name: string): RecordedException => ({ name, kind: 'departure', reason });

/** Every line of rekor2.jsonl that is not answered alike. A line that is alike may not stand here. */
export const RECORDED_EXCEPTIONS: readonly RecordedException[] = [
  ...[
    "P-256 key labelled 'PKIX_ECDSA_P384_SHA_256'",
    'c-rsa2048 labelled PKIX_RSA_PKCS1V15_3072_SHA256 ',
    'c-rsa2048 labelled PKIX_ECDSA_P256_SHA_256 ',
    'c-rsa4096 labelled PKIX_RSA_PKCS1V15_2048_SHA256 ',
    'c-ed25519 labelled PKIX_ECDSA_P521_SHA_512 ',
    'same signature, other label of equal hash',
  ].map(departure(MISLABELLED)),
  ...[
    'HEAD /api/v2/checkpoint',
    'GET /api/v2/tile/0/000',
    'GET /api/v2/tile/entries/000',
    'GET /api/v2/tile/0/x000/000',
    'GET /api/v2/tile/0/000.p/5',
    'GET /api/v2/tile/entries/000.p/1',
    'GET /checkpoint',
    'GET /api/v2/checkpoint?x=1',
    'read-only: checkpoint',
  ].map(departure(READ_SERVED)),
];
