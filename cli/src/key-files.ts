import { generatePrivateKeyPem, newCaChain, newTsaChain } from '@sigstead/keys';

const TUF_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;

export interface KeyFilesOptions {
  /** Goes into every certificate. */
  readonly organization: string;
  /** Begins the common name of the certificates. */
  readonly name: string;
  /** Whole seconds. */
  readonly createdMs: number;
}

/** Which certificates a chain is made of, issuing end first, as the configuration wants it. */
export const CHAINS = {
  'ca-chain': ['ca-intermediate', 'ca-root'],
  'tsa-chain': ['tsa-leaf', 'tsa-intermediate', 'tsa-root'],
} as const;

/** New keys and certificates of all services, PEM by file name: private ones end in `.key.pem`. All count for ten years. */
export async function newKeyFiles({ organization, name, createdMs }: KeyFilesOptions): Promise<Record<string, string>> {
  const names = { organization, notBefore: new Date(createdMs), rootYears: 10, intermediateYears: 10 };
  const ca = await newCaChain({ ...names, commonName: `${name} CA` });
  const tsa = await newTsaChain({ ...names, commonName: `${name} TSA`, leafYears: 10 });
  const p256 = (): string => generatePrivateKeyPem('ecdsa-p256-sha256');
  return {
    'ca-root.crt.pem': ca.root.certificatePem,
    'ca-root.key.pem': ca.root.privateKeyPem,
    'ca-intermediate.crt.pem': ca.intermediate.certificatePem,
    'ca-intermediate.key.pem': ca.intermediate.privateKeyPem,
    'tsa-root.crt.pem': tsa.root.certificatePem,
    'tsa-root.key.pem': tsa.root.privateKeyPem,
    'tsa-intermediate.crt.pem': tsa.intermediate.certificatePem,
    'tsa-intermediate.key.pem': tsa.intermediate.privateKeyPem,
    'tsa-leaf.crt.pem': tsa.leaf.certificatePem,
    'tsa-leaf.key.pem': tsa.leaf.privateKeyPem,
    'rekor.key.pem': p256(),
    'ct.key.pem': p256(),
    ...Object.fromEntries(TUF_ROLES.map((role) => [`tuf-${role}.key.pem`, p256()])),
  };
}
