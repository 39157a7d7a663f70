import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { Crypto } from '@peculiar/webcrypto';
import * as x509 from '@peculiar/x509';
import { generatePrivateKeyPem, privateKeyFromPem } from './file.ts';

/** A certificate with the private key that belongs to it, both PEM. */
export interface IssuedCertificate {
  certificatePem: string;
  privateKeyPem: string;
}

/** Names and dates of a new chain. `notAfter` of a child never lies beyond its parent's. */
export interface ChainOptions {
  organization: string;
  /** Put before "root", "intermediate", …: development instances say here that they are one. */
  commonName: string;
  notBefore: Date;
  rootYears: number;
  intermediateYears: number;
}

/** Signature authority: root, then the issuing CA (EKU code signing, path length 0). SPEC: Fulcio certificate specification, "Root", "Intermediate" */
export async function newCaChain(
  options: ChainOptions,
): Promise<{ root: IssuedCertificate; intermediate: IssuedCertificate }> {
  const { root, rootKeys } = await newRoot(options);
  const { issued } = await newIntermediate(options, rootKeys, x509.ExtendedKeyUsage.codeSigning);
  return { root, intermediate: issued };
}

/** Timestamp authority: root, intermediate, and the one leaf that signs (critical single EKU). SPEC: RFC 3161 §2.3 */
export async function newTsaChain(
  options: ChainOptions & { leafYears: number },
): Promise<{ root: IssuedCertificate; intermediate: IssuedCertificate; leaf: IssuedCertificate }> {
  const { root, rootKeys } = await newRoot(options);
  const { issued: intermediate, keys } = await newIntermediate(options, rootKeys, x509.ExtendedKeyUsage.timeStamping);
  const leafKeys = await newKeys();
  const leaf = await issue({
    subject: name(options, 'timestamping'),
    issuer: name(options, 'intermediate'),
    publicKey: leafKeys.publicKey,
    signingKey: keys.privateKey,
    issuerPublicKey: keys.publicKey,
    notBefore: options.notBefore,
    notAfter: addYears(options.notBefore, options.leafYears),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.timeStamping], true),
    ],
  });
  return { root, intermediate, leaf: { certificatePem: leaf, privateKeyPem: leafKeys.pem } };
}

// The provider @peculiar/x509 is given; a PKCS#11 provider has the same interface.
const provider = new Crypto();

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Keys {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
  pem: string;
}

async function newKeys(): Promise<Keys> {
  const pem = generatePrivateKeyPem('ecdsa-p256-sha256');
  const key = privateKeyFromPem(pem);
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const jwk = key.export({ format: 'jwk' });
  const { d: _private, ...publicJwk } = jwk;
  return {
    pem,
    privateKey: await provider.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
    publicKey: await provider.subtle.importKey('jwk', publicJwk, ALGORITHM, true, ['verify']),
  };
}

async function newRoot(options: ChainOptions): Promise<{ root: IssuedCertificate; rootKeys: Keys }> {
  const rootKeys = await newKeys();
  const certificatePem = await issue({
    subject: name(options, 'root'),
    issuer: name(options, 'root'),
    publicKey: rootKeys.publicKey,
    signingKey: rootKeys.privateKey,
    issuerPublicKey: rootKeys.publicKey,
    notBefore: options.notBefore,
    notAfter: addYears(options.notBefore, options.rootYears),
    extensions: caExtensions(1),
  });
  return { root: { certificatePem, privateKeyPem: rootKeys.pem }, rootKeys };
}

async function newIntermediate(
  options: ChainOptions,
  parent: Keys,
  usage: x509.ExtendedKeyUsage,
): Promise<{ issued: IssuedCertificate; keys: Keys }> {
  const keys = await newKeys();
  const years = Math.min(options.intermediateYears, options.rootYears);
  const certificatePem = await issue({
    subject: name(options, 'intermediate'),
    issuer: name(options, 'root'),
    publicKey: keys.publicKey,
    signingKey: parent.privateKey,
    issuerPublicKey: parent.publicKey,
    notBefore: options.notBefore,
    notAfter: addYears(options.notBefore, years),
    extensions: [...caExtensions(0), new x509.ExtendedKeyUsageExtension([usage], false)],
  });
  return { issued: { certificatePem, privateKeyPem: keys.pem }, keys };
}

function caExtensions(pathLength: number): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
}

interface IssueInput {
  subject: x509.JsonName;
  issuer: x509.JsonName;
  publicKey: CryptoKey;
  signingKey: CryptoKey;
  issuerPublicKey: CryptoKey;
  notBefore: Date;
  notAfter: Date;
  extensions: x509.Extension[];
}

/** Every field is given: the library's own defaults (one year, SHA-256, its idea of a serial number) are never reached. */
async function issue(input: IssueInput): Promise<string> {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial.toString('hex'),
      subject: input.subject,
      issuer: input.issuer,
      notBefore: input.notBefore,
      notAfter: input.notAfter,
      signingAlgorithm: ALGORITHM,
      publicKey: input.publicKey,
      signingKey: input.signingKey,
      extensions: [
        ...input.extensions,
        await x509.SubjectKeyIdentifierExtension.create(input.publicKey, false, provider),
        await x509.AuthorityKeyIdentifierExtension.create(input.issuerPublicKey, false, provider),
      ],
    },
    provider,
  );
  return `${certificate.toString('pem')}\n`;
}

function name(options: ChainOptions, role: string): x509.JsonName {
  return [{ O: [options.organization] }, { CN: [`${options.commonName} ${role}`] }];
}

/** Whole seconds, since certificates hold no fractions. */
function addYears(from: Date, years: number): Date {
  const to = new Date(from);
  to.setUTCFullYear(to.getUTCFullYear() + years);
  return to;
}
