import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Checkpoint, noteKeyHash, type ParsedKey, publicKeyFromSpki, signatureLine } from '../../src/index.ts';

export interface TestKey {
  readonly key: ParsedKey;
  sign(text: string): Uint8Array;
}

export function testKey(type: 'ed25519' | 'ec' | 'rsa'): TestKey {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hash = type === 'ed25519' ? null : 'sha256';
  return {
    key: publicKeyFromSpki(pair.publicKey.export({ format: 'der', type: 'spki' })),
    sign: (text) => sign(hash, Buffer.from(text), pair.privateKey),
  };
}

export const lineOf = (name: string, signer: TestKey, text: string): string =>
  signatureLine(name, noteKeyHash(name, signer.key), signer.sign(text));

export const ROOT = Buffer.alloc(32, 7);
export const CHECKPOINT: Checkpoint = { origin: 'log.example/a', size: 42, root: ROOT, extensions: [] };
