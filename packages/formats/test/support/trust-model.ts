import assert from 'node:assert/strict';
import { generatePrivateKeyPem, newCaChain, newTsaChain, type SignatureAlgorithm, signerFromPem } from '@sigstead/keys';
import { decodePem, TrustError, type TrustErrorCode, type TrustModel } from '../../src/index.ts';

export const START_MS = Date.UTC(2026, 10, 1);
export const NOW_MS = START_MS + 86_400_000;
const names = {
  organization: 'Example',
  commonName: 'example',
  notBefore: new Date(START_MS),
  rootYears: 10,
  intermediateYears: 9,
};
const der = (pem: string): Uint8Array => decodePem(pem)[0]!.bytes;
export const newSpki = (algorithm: SignatureAlgorithm = 'ecdsa-p256-sha256'): Uint8Array =>
  signerFromPem(generatePrivateKeyPem(algorithm)).spki;
export const validFor = { startMs: START_MS };

/** One of everything, valid from START_MS, and the chains in it. */
export interface Trust {
  readonly ca: { root: Uint8Array; intermediate: Uint8Array };
  readonly tsa: { root: Uint8Array; intermediate: Uint8Array; leaf: Uint8Array };
  readonly model: TrustModel;
}

export async function newTrust(): Promise<Trust> {
  const caChain = await newCaChain(names);
  const tsaChain = await newTsaChain({ ...names, leafYears: 8 });
  const ca = { root: der(caChain.root.certificatePem), intermediate: der(caChain.intermediate.certificatePem) };
  const tsa = {
    root: der(tsaChain.root.certificatePem),
    intermediate: der(tsaChain.intermediate.certificatePem),
    leaf: der(tsaChain.leaf.certificatePem),
  };
  const base = 'https://sign.example.org';
  const model: TrustModel = {
    operator: 'example.org',
    certificateAuthorities: [{ uri: base, chain: [ca.intermediate, ca.root], validFor }],
    tlogs: [{ kind: 'rekor-v2', baseUrl: base, spki: newSpki(), validFor }],
    ctlogs: [{ kind: 'ct', baseUrl: `${base}/ct/main`, spki: newSpki(), validFor }],
    timestampAuthorities: [
      { uri: `${base}/api/v1/timestamp`, chain: [tsa.leaf, tsa.intermediate, tsa.root], validFor },
    ],
    signing: {
      ca: [{ url: base, majorApiVersion: 1, validFor }],
      oidc: [{ url: 'https://idp.example.org', majorApiVersion: 1, validFor }],
      rekor: [{ url: base, majorApiVersion: 2, validFor }],
      tsa: [{ url: `${base}/api/v1/timestamp`, majorApiVersion: 1, validFor }],
    },
  };
  return { ca, tsa, model };
}

export const coded = (code: TrustErrorCode) => (error: unknown) =>
  error instanceof TrustError && (error.code === code || assert.fail(String(error)));

/** A change to a good model. */
export type Spoil = (m: TrustModel) => TrustModel;

/** Leaf and root by the library that is our oracle. */
export async function tsaWith(usages: { critical: boolean; oids: string[] } | undefined): Promise<Uint8Array[]> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { Crypto } = await import('@peculiar/webcrypto');
  const crypto = new Crypto();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const [rootKeys, leafKeys] = [
    await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
    await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
  ];
  const common = {
    notBefore: new Date(START_MS),
    notAfter: new Date(START_MS + 1e10),
    signingAlgorithm: algorithm,
    signingKey: rootKeys.privateKey,
  };
  const basic = new x509.BasicConstraintsExtension(true, 1, true);
  const root = await x509.X509CertificateGenerator.create(
    {
      ...common,
      serialNumber: '01',
      subject: 'CN=root',
      issuer: 'CN=root',
      publicKey: rootKeys.publicKey,
      extensions: [basic],
    },
    crypto,
  );
  const keyUsage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);
  const extensions = usages ? [keyUsage, new x509.ExtendedKeyUsageExtension(usages.oids, usages.critical)] : [keyUsage];
  const leaf = await x509.X509CertificateGenerator.create(
    { ...common, serialNumber: '02', subject: 'CN=leaf', issuer: 'CN=root', publicKey: leafKeys.publicKey, extensions },
    crypto,
  );
  return [new Uint8Array(leaf.rawData), new Uint8Array(root.rawData)];
}
