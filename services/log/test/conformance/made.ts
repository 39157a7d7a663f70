import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  encodeBase64,
  formatCheckpointBody,
  formatNote,
  noteKeyHash,
  pae,
  publicKeyFromSpki,
  requireKeyDetails,
  signatureLine,
} from '@sigstead/formats';
import { inclusionProof, rootFromNodes, treeNodes } from '@sigstead/merkle';
import { canonicalBody } from '../../src/core/rekor-v2/entry.ts';
import { certificate } from '../support/certificates.ts';
import { hasher } from '../support/test-log.ts';
import type { Bundle, LogEntry, TrustedRoot, Vector } from './bundle.ts';

/* Vectors as the public suite has them, name for name, made of a log of our own. */

const HOST = 'log2025-alpha1.rekor.example';
const P256 = requireKeyDetails('PKIX_ECDSA_P256_SHA_256');
const INDEX = 5;
const SIZE = 9;
const TYPE = 'application/vnd.in-toto+json';

function logKey(type: 'ed25519' | 'ec'): { spki: Buffer; sign(text: string): Buffer } {
  const { privateKey, publicKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    sign: (text) => sign(type === 'ed25519' ? null : 'sha256', Buffer.from(text), privateKey),
  };
}

const log = logKey('ed25519');
const line = (key: typeof log, name: string, text: string): string =>
  signatureLine(name, noteKeyHash(name, publicKeyFromSpki(key.spki)), key.sign(text));
const keyId = encodeBase64(noteKeyHash(HOST, publicKeyFromSpki(log.spki)));
const root: TrustedRoot = {
  tlogs: [{ baseUrl: `https://${HOST}`, publicKey: { rawBytes: encodeBase64(log.spki) }, logId: { keyId } }],
};

const signer = certificate({ subject: 'signer', extensions: [{ oid: '2.5.29.14', value: Buffer.of(4, 1, 0) }] });
const signed = (message: Uint8Array): Buffer => sign('sha256', message, signer.privateKey);
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

/** A tree with this leaf at INDEX, and the proof of it under a signed checkpoint. */
function proven(leaf: Uint8Array): NonNullable<LogEntry['inclusionProof']> {
  const hashes = Array.from({ length: SIZE }, (_, i) => hasher.leaf(i === INDEX ? leaf : Buffer.from(`other ${i}`)));
  const perfectNode = (level: number, index: number): Uint8Array | undefined => {
    if (level === 0) return hashes[index];
    const [left, right] = [perfectNode(level - 1, 2 * index), perfectNode(level - 1, 2 * index + 1)];
    return left === undefined || right === undefined ? undefined : hasher.node(left, right);
  };
  const nodes = treeNodes({ hasher, size: SIZE, perfectNode });
  const treeRoot = rootFromNodes(SIZE, nodes);
  return {
    logIndex: String(INDEX),
    rootHash: encodeBase64(treeRoot),
    treeSize: String(SIZE),
    hashes: inclusionProof(SIZE, INDEX, nodes).map(encodeBase64),
    checkpoint: { envelope: signedCheckpoint(SIZE, treeRoot) },
  };
}

function signedCheckpoint(size: number, treeRoot: Uint8Array): string {
  const body = formatCheckpointBody({ origin: HOST, size, root: treeRoot, extensions: [] });
  return formatNote(body, [line(log, HOST, body)]);
}

function entryOf(digest: Uint8Array, signature: Uint8Array): LogEntry {
  const verifier = { kind: 'x509Certificate', rawBytes: signer.der, keyDetails: P256.number } as const;
  const leaf = Buffer.from(canonicalBody({ verifier, signature, digest, hash: 'sha256', details: P256 }));
  return {
    logIndex: String(INDEX),
    logId: { keyId },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    inclusionProof: proven(leaf),
    canonicalizedBody: encodeBase64(leaf),
  };
}

function messageBundle(): Bundle {
  const message = Buffer.from('an artifact');
  const [digest, signature] = [sha256(message), signed(message)];
  return {
    verificationMaterial: material(entryOf(digest, signature)),
    messageSignature: { messageDigest: { digest: encodeBase64(digest) }, signature: encodeBase64(signature) },
  };
}

function envelopeBundle(): Bundle {
  const payload = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
  const encoded = pae(TYPE, payload);
  const signature = signed(encoded);
  const signatures = [{ sig: encodeBase64(signature) }];
  return {
    verificationMaterial: material(entryOf(sha256(encoded), signature)),
    dsseEnvelope: { payload: encodeBase64(payload), payloadType: TYPE, signatures },
  };
}

function material(entry: LogEntry): Bundle['verificationMaterial'] {
  return { certificate: { rawBytes: encodeBase64(signer.der) }, tlogEntries: [entry] };
}

/** Changes the checkpoint of a good bundle. `text`: what is signed, `lines`: the signature lines. */
function withCheckpoint(change: (parts: { text: string; lines: string[] }) => string): Bundle {
  const bundle = messageBundle();
  const proof = bundle.verificationMaterial.tlogEntries[0]?.inclusionProof;
  if (proof === undefined) throw new Error('a bundle without a proof');
  const [text = '', lines = ''] = proof.checkpoint.envelope.split('\n\n');
  proof.checkpoint.envelope = change({ text: `${text}\n`, lines: lines.split(/(?<=\n)/) });
  return bundle;
}

/** A signature line of nobody we know: 76 bytes, as a witness's cosignature has. */
const cosigned = (name: string): string => signatureLine(name, randomBytes(4), randomBytes(72));
const withoutLine = (at: number) =>
  withCheckpoint(({ text, lines }) => `${text.split('\n').toSpliced(at, 1).join('\n')}\n${lines.join('')}`);
const withLines = (change: (lines: string[], text: string) => string[]) =>
  withCheckpoint(({ text, lines }) => `${text}\n${change(lines, text).join('')}`);
/** Of the same log by another key, which nobody knows. */
const secondSignature = (text: string): string => line(logKey('ec'), HOST, text);

function changed(bundle: Bundle, change: (bundle: Bundle) => void): Bundle {
  change(bundle);
  return bundle;
}

const MADE: Record<string, () => Bundle> = {
  'rekor2-happy-path': messageBundle,
  'rekor2-dsse-happy-path': envelopeBundle,
  'rekor2-checkpoint-cosigned': () => withLines((lines) => [...lines, cosigned('witness.example')]),
  'rekor2-checkpoint-multiple-cosigs': () =>
    withLines((lines) => [...lines, cosigned('witness.example/w1'), cosigned('witness.example/w2')]),
  'rekor2-checkpoint-origin-not-first': () => withLines((lines) => [cosigned('witness.example'), ...lines]),
  'rekor2-checkpoint-two-sigs-from-origin': () => withLines((lines, text) => [...lines, secondSignature(text)]),
  'rekor2-checkpoint-two-sigs-cosigned': () =>
    withLines((lines, text) => [...lines, secondSignature(text), cosigned('witness.example')]),
  'rekor2-checkpoint-missing-log-signature_fail': () => withLines(() => []),
  'rekor2-checkpoint-missing-origin_fail': () => withoutLine(0),
  'rekor2-checkpoint-missing-size_fail': () => withoutLine(1),
  'rekor2-checkpoint-missing-root-hash_fail': () => withoutLine(2),
  'rekor2-checkpoint-no-matching-signature_fail': () =>
    withCheckpoint(({ text, lines }) => `${text}\n${lines.join('')}`.replaceAll(HOST, 'log2025-alpha1.rekor.other')),
  'rekor2-no-inclusion-proof_fail': () =>
    changed(messageBundle(), ({ verificationMaterial: { tlogEntries } }) => delete tlogEntries[0]?.inclusionProof),
  'rekor2-dsse-invalid-sig_fail': () =>
    changed(envelopeBundle(), ({ dsseEnvelope }) => {
      Object.assign(dsseEnvelope?.signatures[0] ?? {}, { sig: encodeBase64(signed(Buffer.from('another'))) });
    }),
  'rekor2-dsse-mismatch-envelope_fail': () =>
    changed(envelopeBundle(), (bundle) => {
      const payload = Buffer.from('{"_type":"another"}');
      const sig = encodeBase64(signed(pae(TYPE, payload)));
      bundle.dsseEnvelope = { payload: encodeBase64(payload), payloadType: TYPE, signatures: [{ sig }] };
    }),
  'rekor2-dsse-mismatch-sig_fail': () =>
    changed(envelopeBundle(), ({ dsseEnvelope }) => {
      const payload = Buffer.from(dsseEnvelope?.payload ?? '', 'base64');
      // The same statement by the same key, signed once more: another signature.
      Object.assign(dsseEnvelope?.signatures[0] ?? {}, { sig: encodeBase64(signed(pae(TYPE, payload))) });
    }),
  'checkpoint-bad-keyhint_fail': () =>
    withLines((lines) =>
      lines.map((each) => each.replace(/(\S+)\n$/, (_all, value: string) => `${otherHint(value)}\n`)),
    ),
  'checkpoint-wrong-roothash_fail': () => withCheckpoint(() => signedCheckpoint(SIZE + 1, randomBytes(32))),
  'invalid-checkpoint-signature_fail': () =>
    withLines((lines) =>
      lines.map((each) => each.replace(/(\S+)\n$/, (_all, value: string) => `${otherEnd(value)}\n`)),
    ),
};

function otherHint(value: string): string {
  const bytes = Buffer.from(value, 'base64');
  bytes[0] = (bytes[0] ?? 0) ^ 4;
  return bytes.toString('base64');
}

function otherEnd(value: string): string {
  const bytes = Buffer.from(value, 'base64');
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  return bytes.toString('base64');
}

export function madeVectors(): Vector[] {
  return Object.entries(MADE).map(([name, make]) => ({ name, bundle: make(), root }));
}
