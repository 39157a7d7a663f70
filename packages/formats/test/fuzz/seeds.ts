import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import {
  decodePem,
  formatCheckpointBody,
  noteKeyHash,
  noteVerifier,
  type NoteVerifier,
  publicKeyFromSpki,
  signatureLine,
} from '../../src/index.ts';
import { RECORDED, recordedLines } from '../support/recorded.ts';

/* Seeds are the same in every run: a finding is told by the number of its input. */

const KEYS = new URL('keys/', RECORDED);
const names = readdirSync(KEYS).sort();
const pem = (name: string): string => readFileSync(new URL(name, KEYS), 'utf8');

/** DER of every certificate of the recorded servers, and of some that they issued. */
export const CERTIFICATES: readonly Uint8Array[] = [
  ...names.filter((name) => name.endsWith('.crt')).flatMap((name) => decodePem(pem(name)).map(({ bytes }) => bytes)),
  ...recordedLines<{ response: { leafDer?: string } }>('ca-certificates.jsonl')
    .flatMap(({ response: { leafDer } }) => (leafDer === undefined ? [] : [Buffer.from(leafDer, 'base64')]))
    .slice(0, 12),
];

/** SubjectPublicKeyInfo of every recorded key, by its name; also of kinds that logs refuse. */
export const SPKIS: ReadonlyMap<string, Uint8Array> = new Map(
  names
    .filter((name) => name.endsWith('.pem') && !name.includes('chain'))
    .map((name) => [name.slice(0, -4), createPublicKey(pem(name)).export({ format: 'der', type: 'spki' })]),
);

export const ORIGIN = 'log.example/a';

/** A signer of notes whose signatures are always the same. */
interface NoteKey {
  readonly verifier: NoteVerifier;
  line(text: string): string;
}

function noteKey(name: string, hash: 'sha256' | null): NoteKey {
  const secret = createPrivateKey(pem(`${name}.pem`));
  const key = publicKeyFromSpki(createPublicKey(secret).export({ format: 'der', type: 'spki' }));
  return {
    verifier: noteVerifier(ORIGIN, key),
    line: (text) => signatureLine(ORIGIN, noteKeyHash(ORIGIN, key), sign(hash, Buffer.from(text), secret)),
  };
}

const ED25519 = noteKey('c-ed25519', null);
const RSA = noteKey('c-rsa2048', 'sha256');
export const VERIFIERS: readonly NoteVerifier[] = [ED25519.verifier, RSA.verifier];

function checkpoint(size: number, extensions: readonly string[], keys: readonly NoteKey[]): Buffer {
  const text = formatCheckpointBody({ origin: ORIGIN, size, root: Buffer.alloc(32, size), extensions });
  return Buffer.from(`${text}\n${keys.map((key) => key.line(text)).join('')}`);
}

/** Signed checkpoints. */
export const CHECKPOINTS: readonly Uint8Array[] = [
  checkpoint(0, [], [ED25519]),
  checkpoint(42, [], [ED25519, RSA]),
  checkpoint(Number.MAX_SAFE_INTEGER, ['an extension', 'another — one'], [RSA]),
];
