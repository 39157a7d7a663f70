import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { type Signer, signerFromPem } from '@sigstead/keys';
import * as x509 from '@peculiar/x509';
import { TEST_NOW_MS } from './support.ts';

export const { KeyUsageFlags } = x509;

const YEAR_MS = 365 * 86_400_000;
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
type Algorithm = 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'Ed25519';

export interface Eku {
  oids: string[];
  critical: boolean;
}

/** A chain with one thing wrong, or none. Absent means: as it should be. */
export interface ChainWish {
  leafAlgorithm?: Algorithm;
  leafEku?: Eku | 'none';
  leafIsCa?: boolean;
  leafKeyUsage?: number;
  leafNotBeforeMs?: number;
  leafNotAfterMs?: number;
  intermediateEku?: Eku | 'none';
  intermediateIsCa?: boolean;
  intermediateKeyUsage?: number;
  intermediateNotAfterMs?: number;
  intermediatePathLength?: number;
  rootPathLength?: number;
}

export interface MadeChain {
  chain: Uint8Array[];
  signer: Signer;
}

const PARAMS: Record<Algorithm, webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams | { name: 'Ed25519' }> = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  'P-384': { name: 'ECDSA', namedCurve: 'P-384' },
  'P-521': { name: 'ECDSA', namedCurve: 'P-521' },
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
  Ed25519: { name: 'Ed25519' },
};

async function newKeys(algorithm: Algorithm): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(PARAMS[algorithm], true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

interface Issue {
  subject: string;
  issuer: string;
  publicKey: CryptoKey;
  signingKey: CryptoKey;
  issuerPublicKey: CryptoKey;
  notBeforeMs: number;
  notAfterMs: number;
  extensions: x509.Extension[];
}

let serial = 1;

async function issue(input: Issue): Promise<Uint8Array> {
  serial += 1;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `4${serial.toString(16).padStart(15, '0')}`,
    subject: `O=example.com, CN=${input.subject}`,
    issuer: `O=example.com, CN=${input.issuer}`,
    notBefore: new Date(input.notBeforeMs),
    notAfter: new Date(input.notAfterMs),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: input.publicKey,
    signingKey: input.signingKey,
    extensions: [
      ...input.extensions,
      await x509.SubjectKeyIdentifierExtension.create(input.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(input.issuerPublicKey),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

function ekuExtension(eku: Eku | 'none' | undefined, critical: boolean): x509.Extension[] {
  if (eku === 'none') return [];
  const { oids, critical: chosen } = eku ?? { oids: [TIME_STAMPING], critical };
  return [new x509.ExtendedKeyUsageExtension(oids, chosen)];
}

/** Root, intermediate and leaf for a test, valid around TEST_NOW_MS. */
export async function makeChain(wish: ChainWish = {}): Promise<MadeChain> {
  x509.cryptoProvider.set(webcrypto);
  const caUsage = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
  const [rootKeys, intermediateKeys, leafKeys] = await Promise.all([
    newKeys('P-256'),
    newKeys('P-256'),
    newKeys(wish.leafAlgorithm ?? 'P-256'),
  ]);
  const notBeforeMs = TEST_NOW_MS - YEAR_MS;
  const root = await issue({
    subject: 'root',
    issuer: 'root',
    publicKey: rootKeys.publicKey,
    signingKey: rootKeys.privateKey,
    issuerPublicKey: rootKeys.publicKey,
    notBeforeMs,
    notAfterMs: TEST_NOW_MS + 10 * YEAR_MS,
    extensions: [
      new x509.BasicConstraintsExtension(true, wish.rootPathLength ?? 1, true),
      new x509.KeyUsagesExtension(caUsage, true),
    ],
  });
  const intermediate = await issue({
    subject: 'intermediate',
    issuer: 'root',
    publicKey: intermediateKeys.publicKey,
    signingKey: rootKeys.privateKey,
    issuerPublicKey: rootKeys.publicKey,
    notBeforeMs,
    notAfterMs: wish.intermediateNotAfterMs ?? TEST_NOW_MS + 9 * YEAR_MS,
    extensions: [
      new x509.BasicConstraintsExtension(wish.intermediateIsCa ?? true, wish.intermediatePathLength ?? 0, true),
      new x509.KeyUsagesExtension(wish.intermediateKeyUsage ?? caUsage, true),
      ...ekuExtension(wish.intermediateEku, false),
    ],
  });
  const leaf = await issue({
    subject: 'timestamping',
    issuer: 'intermediate',
    publicKey: leafKeys.publicKey,
    signingKey: intermediateKeys.privateKey,
    issuerPublicKey: intermediateKeys.publicKey,
    notBeforeMs: wish.leafNotBeforeMs ?? notBeforeMs,
    notAfterMs: wish.leafNotAfterMs ?? TEST_NOW_MS + 8 * YEAR_MS,
    extensions: [
      new x509.BasicConstraintsExtension(wish.leafIsCa ?? false, undefined, true),
      new x509.KeyUsagesExtension(wish.leafKeyUsage ?? KeyUsageFlags.digitalSignature, true),
      ...ekuExtension(wish.leafEku, true),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { chain: [leaf, intermediate, root], signer: signerFromPem(pem) };
}
