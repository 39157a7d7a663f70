/** Imprint algorithms a token may be made for. SPEC: RFC 5754 §2 */
export type HashName = 'sha256' | 'sha384' | 'sha512';

export interface HashInfo {
  name: HashName;
  oid: string;
  /** Digest length in octets. */
  size: number;
}

const HASHES: Readonly<Record<HashName, HashInfo>> = {
  sha256: { name: 'sha256', oid: '2.16.840.1.101.3.4.2.1', size: 32 },
  sha384: { name: 'sha384', oid: '2.16.840.1.101.3.4.2.2', size: 48 },
  sha512: { name: 'sha512', oid: '2.16.840.1.101.3.4.2.3', size: 64 },
};

const SHA1_OID = '1.3.14.3.2.26';

export function hashInfo(name: HashName): HashInfo {
  return HASHES[name];
}

/** `weak` is SHA-1: known, and refused with a text of its own. */
export function hashByOid(oid: string): HashName | 'weak' | undefined {
  if (oid === SHA1_OID) return 'weak';
  return Object.values(HASHES).find((info) => info.oid === oid)?.name;
}

/** Names of the JSON request, without regard to case. */
export function hashByName(name: string): HashName | 'weak' | undefined {
  const lower = name.toLowerCase();
  if (lower === 'sha1') return 'weak';
  return Object.values(HASHES).find((info) => info.name === lower)?.name;
}
