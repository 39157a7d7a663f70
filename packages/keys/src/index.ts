export { type ChainOptions, type IssuedCertificate, newCaChain, newTsaChain } from './chain.ts';
export { KeyError, type KeyErrorCode } from './errors.ts';
export { generatePrivateKeyPem, privateKeyFromPem, signerFromPem } from './file.ts';
export {
  fingerprint,
  type LocalSigner,
  localSigner,
  type SignatureAlgorithm,
  type Signer,
  signatureAlgorithmOf,
  verifySignature,
} from './signer.ts';
