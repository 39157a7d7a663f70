import { expect, type FuzzTarget, parsed, sameBytes, textOf } from '@sigstead/test/fuzz';
import {
  cosignatureVerifier,
  decodeCosignature,
  ed25519PublicKey,
  encodeBase64,
  encodeCosignature,
  FormatError,
  formatAddCheckpointRequest,
  formatTlogSize,
  formatVerifierKey,
  isQuorumMet,
  parseAddCheckpointRequest,
  parseCosignatureAnswer,
  parseTlogSize,
  parseVerifierKey,
  parseWitnessPolicy,
  publicKeyFromSpki,
  verifierKey,
  verifierOf,
} from '../../src/index.ts';
import { CHECKPOINTS, SPKIS } from './seeds.ts';

const ed25519 = publicKeyFromSpki(SPKIS.get('c-ed25519') ?? Buffer.alloc(0));
const other = publicKeyFromSpki(SPKIS.get('oidc-ed') ?? Buffer.alloc(0));
const p256 = publicKeyFromSpki(SPKIS.get('c-p256') ?? Buffer.alloc(0));
const VKEYS = [
  verifierKey('log.example/a', 'ed25519', ed25519),
  verifierKey('log.example/b', 'ecdsa', p256),
  verifierKey('witness.example', 'cosignature-v1', ed25519),
  verifierKey('ct.example/2026', 'rfc6962', p256),
].map(formatVerifierKey);

const TEXT =
  Buffer.from(CHECKPOINTS[0] ?? Buffer.alloc(0))
    .toString('utf8')
    .split('\n\n')[0] ?? '';

const vkey: FuzzTarget = {
  name: 'vkey',
  kind: 'bytes',
  seeds: VKEYS.map((text) => Buffer.from(text)),
  words: ['+', '++', '=', ' ', '\n', '\u00a0', '00000000', 'ABCDEF01'],
  judge: (input) =>
    parsed(
      () => parseVerifierKey(textOf(input)),
      [FormatError],
      (key) => {
        expect(formatVerifierKey(key) === textOf(input), 'it is written otherwise');
        expect(!verifierOf(key).verify(`${TEXT}\n`, Buffer.alloc(72)), 'nobody signed that');
      },
    ),
};

const cosigner = cosignatureVerifier('witness.example', ed25519PublicKey(ed25519.raw ?? Buffer.alloc(32)));
const COSIGNATURE = encodeCosignature({ timestampSec: 1_800_000_000, signature: Buffer.alloc(64, 5) });

const cosignature: FuzzTarget = {
  name: 'cosignature',
  kind: 'bytes',
  seeds: [COSIGNATURE, encodeCosignature({ timestampSec: Number.MAX_SAFE_INTEGER, signature: Buffer.alloc(64) })],
  judge(input) {
    expect(!cosigner.verify(`${TEXT}\n`, input), 'nobody signed that');
    return parsed(
      () => decodeCosignature(input),
      [FormatError],
      (found) => expect(sameBytes(encodeCosignature(found), input), 'it is written otherwise'),
    );
  },
};

const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => Buffer.alloc(32, i));
const requests = [0, 1, 63].flatMap((count) =>
  CHECKPOINTS.map((note) =>
    Buffer.from(formatAddCheckpointRequest({ oldSize: count, proof: hashes(count), note: textOf(note) })),
  ),
);

const addCheckpoint: FuzzTarget = {
  name: 'add-checkpoint',
  kind: 'lines',
  seeds: requests,
  words: ['old ', 'old 0', '\n\n', encodeBase64(Buffer.alloc(32)), '\u2014 ', '\u0000', '\ufeff'],
  judge: (input) =>
    parsed(
      () => parseAddCheckpointRequest(input),
      [FormatError],
      ({ oldSize, proof, note }) => {
        const lines = note.signatures.map(
          ({ name, keyHash, signature }) => `\u2014 ${name} ${encodeBase64(Buffer.concat([keyHash, signature]))}\n`,
        );
        const again = formatAddCheckpointRequest({ oldSize, proof, note: `${note.text}\n${lines.join('')}` });
        expect(sameBytes(Buffer.from(again), input), 'it is written otherwise');
      },
    ),
};

/** What a witness answers comes from a stranger too. */
const answer: FuzzTarget = {
  name: 'witness-answer',
  kind: 'lines',
  seeds: [
    `\u2014 witness.example ${encodeBase64(Buffer.concat([Buffer.alloc(4, 1), COSIGNATURE]))}\n`,
    `\u2014 a ${encodeBase64(Buffer.alloc(76, 2))}\n\u2014 b ${encodeBase64(Buffer.alloc(76, 3))}\n`,
    '0\n',
    '9007199254740991\n',
  ].map((text) => Buffer.from(text)),
  words: ['\u2014 ', '\n', '-1', '+1', '1e3', '9007199254740992'],
  judge(input) {
    const text = textOf(input);
    const size = parsed(
      () => parseTlogSize(text),
      [FormatError],
      (found) => expect(formatTlogSize(found) === text, 'the size is written otherwise'),
    );
    const lines = parsed(() => parseCosignatureAnswer(text), [FormatError]);
    expect(size === 'refused' || lines === 'refused', 'it is a size and signatures');
    return size === 'accepted' || lines === 'accepted' ? 'accepted' : 'refused';
  },
};

const witnessKeys = [ed25519, other].map((key, i) =>
  formatVerifierKey(verifierKey(`w${i}.example`, 'cosignature-v1', key)),
);
const POLICY = `# a comment
log ${VKEYS[0]} https://log.example/
witness w0 ${witnessKeys[0]} https://w0.example/
witness w1 ${witnessKeys[1]}
group both all w0 w1
quorum both
`;

const policy: FuzzTarget = {
  name: 'witness-policy',
  kind: 'lines',
  seeds: [POLICY, POLICY.replace('both all', 'one any').replace('quorum both', 'quorum one'), 'quorum none\n'].map(
    (text) => Buffer.from(text),
  ),
  words: ['group ', 'witness ', 'log ', 'quorum ', 'none', 'all', 'any', '0', '99999', '#', '\t', '\u00a0', '\r\n'],
  judge: (input) =>
    parsed(
      () => parseWitnessPolicy(input),
      [FormatError],
      ({ quorum, witnesses }) => {
        expect(
          isQuorumMet(quorum, () => true),
          'not even all witnesses are enough',
        );
        const nobody = isQuorumMet(quorum, () => false);
        expect(!nobody || (quorum.kind === 'group' && quorum.threshold === 0), 'nobody is enough');
        expect(new Set(witnesses.map(({ name }) => name)).size === witnesses.length, 'two witnesses have one name');
      },
    ),
};

export const targets: readonly FuzzTarget[] = [vkey, cosignature, addCheckpoint, answer, policy];
