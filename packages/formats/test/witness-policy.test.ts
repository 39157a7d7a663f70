import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cosignatureLine,
  cosignatureMessage,
  evaluateWitnessPolicy,
  FormatError,
  formatCheckpointBody,
  formatNote,
  formatVerifierKey,
  isQuorumMet,
  parseWitnessPolicy,
  type ParsedKey,
  type PolicyNode,
  publicKeyFromSpki,
  quorumWitnesses,
  verifierKey,
} from '../src/index.ts';
import { CHECKPOINT, lineOf, testKey } from './support/note-keys.ts';

/** Keys that others publish in their policies and tests. */
const SIGSUM = 'sigsum.org+e4ade967+AZuUY6B08pW3QVHu8uvsrxWPcAv9nykap2Nb4oxCee+r';
const REMORA = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2';
const EXAMPLE = 'example.com+3753d3de+AebBhMcghIUoavZpjuDofa4sW6fYHyVn7gvwDBfvkvuM';

interface Cosigner {
  name: string;
  vkey: string;
  key: ParsedKey;
  privateKey: KeyObject;
}

const cosigner = (name: string): Cosigner => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKeyFromSpki(publicKey.export({ format: 'der', type: 'spki' }));
  return { name, key, privateKey, vkey: formatVerifierKey(verifierKey(name, 'cosignature-v1', key)) };
};

const BODY = formatCheckpointBody(CHECKPOINT);
const cosign = ({ name, key, privateKey }: Cosigner): string => {
  const signature = sign(null, cosignatureMessage(BODY, 1_700_000_000), privateKey);
  return cosignatureLine(name, key, { timestampSec: 1_700_000_000, signature });
};

const problem = (policy: string | Uint8Array): string => {
  try {
    parseWitnessPolicy(policy);
  } catch (error) {
    assert.ok(error instanceof FormatError && error.code === 'witness_policy_invalid', String(error));
    return error.message;
  }
  return 'accepted';
};

test('a policy with two levels of groups asks for what the specification says it asks for', () => {
  const names = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'];
  const all = names.map((name) => cosigner(`${name.toLowerCase()}.example`));
  const log = testKey('ed25519');
  const policy = parseWitnessPolicy(
    [
      `log ${formatVerifierKey(verifierKey(CHECKPOINT.origin, 'ed25519', log.key))}`,
      '',
      ...all.map(({ vkey }, index) => `witness ${names[index] ?? ''} ${vkey}`),
      'group X-witnesses 2 X1 X2 X3',
      'group Y-witnesses any Y1 Y2 Y3',
      'group X-and-Y all X-witnesses Y-witnesses',
      'quorum X-and-Y',
      '',
    ].join('\n'),
  );
  for (let mask = 0; mask < 64; mask++) {
    const signers = all.filter((_, index) => (mask >> index) & 1);
    const note = formatNote(BODY, [lineOf(CHECKPOINT.origin, log, BODY), ...signers.map(cosign)]);
    const verdict = evaluateWitnessPolicy(policy, note);
    const xs = signers.filter(({ name }) => name.startsWith('x')).length;
    assert.equal(verdict.quorumMet, xs >= 2 && signers.length > xs, String(mask));
    assert.equal(verdict.logs.length, 1);
    assert.deepEqual(
      verdict.witnesses.map(({ key }) => key.name),
      signers.map(({ name }) => name),
    );
  }
  assert.equal(quorumWitnesses(policy.quorum).length, 6);
});

test('quorum none asks for nothing, a single witness can be the quorum', () => {
  const log = testKey('ed25519');
  const note = formatNote(BODY, [lineOf(CHECKPOINT.origin, log, BODY)]);
  assert.equal(evaluateWitnessPolicy(parseWitnessPolicy('quorum none\n'), note).quorumMet, true);
  const one = cosigner('w.example');
  const policy = parseWitnessPolicy(`witness a ${one.vkey}\nquorum a\n`);
  assert.equal(evaluateWitnessPolicy(policy, note).quorumMet, false);
  assert.equal(evaluateWitnessPolicy(policy, `${note}${cosign(one)}`).quorumMet, true);
  assert.equal(evaluateWitnessPolicy(policy, `${note}${cosign(cosigner('w.example'))}`).quorumMet, false);
  const bad = cosign(one).replace(/.{6}=*\n$/, 'AAAAAA==\n');
  assert.throws(() => evaluateWitnessPolicy(policy, `${note}${bad}`), FormatError);
  assert.throws(() => evaluateWitnessPolicy(policy, 'no note'), { code: 'note_malformed' });
});

test('white space, comments, urls, plain Ed25519 witness keys, order of logs and witnesses are read', () => {
  const policy = parseWitnessPolicy(
    `\n# comment\n\t # more + comment\n \t witness\tw1   ${SIGSUM}   https://sigsum.org/witness/ \nwitness w2 ${REMORA}\n` +
      `group g all w1 w2\nquorum g\nlog ${EXAMPLE} https://example.com/#x`,
  );
  assert.deepEqual(
    policy.witnesses.map(({ name, url, key }) => [name, url, key.type, key.name]),
    [
      ['w1', 'https://sigsum.org/witness/', 'cosignature-v1', 'sigsum.org'],
      ['w2', undefined, 'cosignature-v1', 'remora.n621.de'],
    ],
  );
  assert.equal(policy.logs[0]?.url, 'https://example.com/#x');
  assert.equal(policy.quorum.kind === 'group' && policy.quorum.threshold, 2);
});

test('names are octets: what is not UTF-8 is a name, too, and look-alikes differ', () => {
  const kelvin = Buffer.from('\u212a');
  const raw = (line: string, name: Uint8Array): Buffer => Buffer.concat([Buffer.from(line), name]);
  const policy = Buffer.concat([
    raw('witness ', Buffer.of(0xff, 0xfe)),
    Buffer.from(` ${SIGSUM}\nwitness K ${REMORA}\nwitness `),
    kelvin,
    Buffer.from(` ${EXAMPLE}\n`),
    raw('group g all K ', kelvin),
    raw(' ', Buffer.of(0xff, 0xfe)),
    Buffer.from('\nquorum g\n'),
  ]);
  assert.equal(quorumWitnesses(parseWitnessPolicy(policy).quorum).length, 3);
});

test('every mistake is refused, with the number of its line', () => {
  const w = (name: string, vkey = REMORA): string => `witness ${name} ${vkey}\n`;
  const two = `${w('a')}${w('b', SIGSUM)}`;
  const bad: [string, RegExp][] = [
    ['', /^no quorum/],
    [two, /^no quorum/],
    [`${two}quorum c\n`, /^line 3: no witness or group c/],
    [`quorum a\n${two}`, /^line 1: no witness or group a/],
    [`${two}quorum a\nquorum a\n`, /^line 4: a second quorum/],
    [`${two}quorum none\nquorum none\n`, /^line 4: a second quorum/],
    [`${two}quorum a b\n`, /^line 3: the form is/],
    [`${two}quorum\n`, /^line 3: the form is/],
    [`${w('a')}${w('a', SIGSUM)}quorum a\n`, /^line 2: a second witness or group a/],
    [`${w('a')}${w('b')}quorum a\n`, /^line 2: the same witness key as in line 1/],
    [`log ${SIGSUM}\nlog ${SIGSUM}\nquorum none\n`, /^line 2: the same log key as in line 1/],
    [`${w('none')}quorum none\n`, /^line 1: the name none/],
    [`${two}group none any a\nquorum none\n`, /^line 3: the name none/],
    [`${two}group g any none\nquorum g\n`, /^line 3: no witness or group none/],
    [`${two}group g any\nquorum a\n`, /^line 3: the form is/],
    [`${two}group g 0 a b\nquorum g\n`, /^line 3: 0 is not/],
    [`${two}group g -1 a b\nquorum g\n`, /^line 3: -1 is not/],
    [`${two}group g 3 a b\nquorum g\n`, /^line 3: 3 is not/],
    [`${two}group g 01 a b\nquorum g\n`, /^line 3: 01 is not/],
    [`${two}group g some a b\nquorum g\n`, /^line 3: some is not/],
    [`${two}group g all g a\nquorum g\n`, /^line 3: no witness or group g/],
    [`${two}group g all a a\nquorum g\n`, /^line 3: a is a member/],
    [`${two}group g any a\ngroup h any a b\nquorum h\n`, /^line 4: a is a member/],
    [`${two}group a any b\nquorum a\n`, /^line 3: a second witness or group a/],
    [`${w('a', `${REMORA.slice(0, -1)}3`)}quorum a\n`, /^line 1: verifier key: /],
    ['witness a\nquorum a\n', /^line 1: the form is/],
    [`witness a ${REMORA} https://w.example # ours\nquorum a\n`, /^line 1: .*comment has a line of its own/],
    [`log ${REMORA}\nquorum none\n`, /^line 1: a cosigner key/],
    ['logs x\n', /^line 1: unknown keyword logs/],
    ['Quorum none\n', /^line 1: unknown keyword Quorum/],
    ['quorum none\r\n', /^line 1: a control character: lines end in LF/],
    ['quorum\u0000none\n', /^line 1: a control character/],
    ['\ufeffquorum none\n', /^line 1: unknown keyword/],
    [`# ${'x'.repeat(200_000)}\nquorum none\n`, /^line 1: too long/],
    ['#\n'.repeat(600_000), /^over/],
  ];
  for (const [policy, expected] of bad) assert.match(problem(policy), expected, policy.slice(0, 120));
  const ecdsa = formatVerifierKey(verifierKey('a', 'ecdsa', testKey('ec').key));
  assert.match(problem(`witness a ${ecdsa}\nquorum a\n`), /^line 1: a key of type ecdsa is no cosigner key/);
});

test('policies at random are read or refused, never more', () => {
  const word = fc.constantFrom(
    'log',
    'witness',
    'group',
    'quorum',
    'none',
    'any',
    'all',
    '1',
    'a',
    'b',
    SIGSUM,
    REMORA,
    '#',
  );
  const line = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '));
  fc.assert(fc.property(fc.array(line, { maxLength: 6 }), (lines) => problem(lines.join('\n')) !== ''));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => problem(bytes) !== ''));
});

/** The slow model: a group is met when some choice of `threshold` members is met. */
function modelMet(node: PolicyNode, cosigned: ReadonlySet<string>): boolean {
  if (node.kind === 'witness') return cosigned.has(node.witness.name);
  const choices = node.members.reduce<PolicyNode[][]>((sets, m) => [...sets, ...sets.map((s) => [...s, m])], [[]]);
  return choices.some((set) => set.length === node.threshold && set.every((m) => modelMet(m, cosigned)));
}

test('the quorum agrees with the slow model, and more cosignatures never undo it', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const witnesses = names.map((name) => {
    const { key } = cosigner(name);
    return { kind: 'witness', witness: { name, key: verifierKey(name, 'cosignature-v1', key) } } as const;
  });
  const shapes = fc.array(fc.record({ take: fc.integer({ min: 1, max: 4 }), k: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(shapes, fc.subarray(names), fc.constantFrom(...names), (shape, cosigned, more) => {
      let free: PolicyNode[] = [...witnesses];
      for (const { take, k } of shape) {
        const members = free.slice(0, take);
        const group = { kind: 'group', name: 'g', threshold: Math.min(k, members.length), members } as const;
        free = [...free.slice(take), group];
      }
      const quorum = free.at(-1) ?? assert.fail();
      const met = isQuorumMet(quorum, ({ name }) => cosigned.includes(name));
      assert.equal(met, modelMet(quorum, new Set(cosigned)));
      if (met)
        assert.equal(
          isQuorumMet(quorum, ({ name }) => name === more || cosigned.includes(name)),
          true,
        );
    }),
  );
});
