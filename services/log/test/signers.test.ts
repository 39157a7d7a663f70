import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  formatNote,
  formatVerifierKey,
  noteKeyHash,
  noteVerifier,
  parseSignedCheckpoint,
  parseWitnessPolicy,
  publicKeyFromSpki,
  signatureLine,
  verifierKey,
  verifyNote,
} from '@sigstead/formats';
import { generatePrivateKeyPem, type LocalSigner, type Signer, signerFromPem } from '@sigstead/keys';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { fsckDatabase, fsckPublished } from '../src/compose-fsck.ts';
import type { FurtherSigner } from '../src/core/rekor-v2/note-signers.ts';
import { rekorV2Personality } from '../src/core/rekor-v2/personality.ts';
import { checkWitnessPolicy } from '../src/open-witness.ts';
import type { LogSpec } from '../src/options.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { silentLogger } from '@sigstead/platform';

const ORIGIN = 'log.example.com';
const own = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const [second, third, stranger] = [ed25519(), ed25519(), ed25519()];
const claim = { size: 0, root: Buffer.alloc(32, 7), timestampMs: 1_800_000_000_000 };

function ed25519(): LocalSigner {
  return signerFromPem(generatePrivateKeyPem('ed25519'));
}

function personality(...alsoSign: FurtherSigner[]) {
  return rekorV2Personality({ origin: ORIGIN, signer: own, alsoSign });
}

function namesAndHashes(note: Uint8Array): string[] {
  const { signatures } = parseSignedCheckpoint(Buffer.from(note).toString('utf8')).note;
  return signatures.map(({ name, keyHash }) => `${name} ${Buffer.from(keyHash).toString('hex')}`);
}

function idOf(signer: Signer, name = ORIGIN): string {
  return `${name} ${Buffer.from(noteKeyHash(name, publicKeyFromSpki(signer.spki)).subarray(0, 4)).toString('hex')}`;
}

test("lines stand in the configured order, the one of the key that clients know first, whose id is the log's", async () => {
  const many = personality({ signer: second }, { signer: third, name: 'other.example.org' });
  for (const final of [false, true]) {
    const note = await many.signHead(claim, { final });
    assert.deepEqual(namesAndHashes(note), [idOf(own), idOf(second), idOf(third, 'other.example.org')]);
    for (const [signer, name] of [
      [own, ORIGIN],
      [second, ORIGIN],
      [third, 'other.example.org'],
    ] as const) {
      verifyNote(Buffer.from(note).toString('utf8'), [noteVerifier(name, publicKeyFromSpki(signer.spki))]);
    }
    assert.deepEqual(many.openHead(note).size, 0);
  }
  assert.deepEqual(many.keyId, personality().keyId);
});

test('a further signer may come and go: notes with and without its line are read by configurations with and without it', async () => {
  const all = [personality(), personality({ signer: second }), personality({ signer: third }, { signer: second })];
  for (const signing of all) {
    const note = await signing.signHead(claim);
    for (const reading of all) assert.equal(reading.openHead(note).size, 0);
  }
});

test("without the own key's signature a note is nobody's, whoever else has signed it", async () => {
  const note = Buffer.from(await personality({ signer: second }).signHead(claim)).toString('utf8');
  const { note: parsed } = parseSignedCheckpoint(note);
  const line = (i: number): string => {
    const { name, keyHash, signature } = parsed.signatures[i] ?? assert.fail();
    return signatureLine(name, keyHash, signature);
  };
  const withoutOwn = Buffer.from(formatNote(parsed.text, [line(1)]));
  assert.throws(() => personality({ signer: second }).openHead(withoutOwn), { code: 'internal' });
  assert.throws(() => personality().openHead(withoutOwn), { code: 'note_unsigned' });
  const byStranger = await rekorV2Personality({ origin: ORIGIN, signer: stranger }).signHead(claim);
  assert.throws(() => personality({ signer: second }).openHead(byStranger), { code: 'note_unsigned' });
});

test('a line of a configured further signer that does not verify spoils the note; one of an unknown key does not', async () => {
  const note = Buffer.from(await personality({ signer: second }).signHead(claim)).toString('utf8');
  const { note: parsed } = parseSignedCheckpoint(note);
  const [first, other] = parsed.signatures;
  assert.ok(first && other);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 63 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const bad = Buffer.from(other.signature);
      bad[at] = (bad[at] ?? 0) ^ flip;
      const lines = [
        signatureLine(first.name, first.keyHash, first.signature),
        signatureLine(other.name, other.keyHash, bad),
      ];
      const spoilt = Buffer.from(formatNote(parsed.text, lines));
      assert.throws(() => personality({ signer: second }).openHead(spoilt), { code: 'note_signature_invalid' });
      assert.equal(personality().openHead(spoilt).size, 0);
    }),
    { numRuns: 50 },
  );
});

test('lines that others add below, such as cosignatures, leave the note as good as it was', async () => {
  const note = await personality({ signer: second }).signHead(claim);
  const cosigned = Buffer.concat([
    note,
    Buffer.from(signatureLine('witness.example', Buffer.from('01020304', 'hex'), Buffer.alloc(72, 9))),
  ]);
  assert.equal(personality({ signer: second }).openHead(cosigned).size, 0);
  assert.equal(personality().openHead(cosigned).size, 0);
});

test('a note is signed by all or by none', async () => {
  const failing = { ...second, sign: () => Promise.reject(new Error('the key service is away')) };
  await assert.rejects(personality({ signer: failing }).signHead(claim), /the key service is away/);
});

test('a key given twice, one of a kind that does not ride along, and a name no line can carry are refused', () => {
  const refused = { code: 'misconfigured' };
  assert.throws(() => personality({ signer: own }), refused);
  assert.throws(() => personality({ signer: second }, { signer: second, name: 'x' }), refused);
  for (const kind of ['ecdsa-p256-sha256', 'ecdsa-p384-sha384'] as const) {
    assert.throws(() => personality({ signer: signerFromPem(generatePrivateKeyPem(kind)) }), refused);
  }
  for (const name of ['', 'a b', 'a+b', 'a\nb']) assert.throws(() => personality({ signer: second, name }), refused);
});

test('a witness policy may name the log by any of its own keys, and by no other', () => {
  const spec = { name: 'v2', kind: 'rekor-v2' as const, origin: ORIGIN, signer: own, alsoSign: [{ signer: second }] };
  const policyOf = (signer: LocalSigner, name = ORIGIN) => {
    const key = publicKeyFromSpki(signer.spki);
    const vkey = formatVerifierKey(verifierKey(name, key.kind === 'ed25519' ? 'ed25519' : 'ecdsa', key));
    return parseWitnessPolicy(`log ${vkey}\nquorum none\n`);
  };
  for (const signer of [own, second]) checkWitnessPolicy(spec, policyOf(signer));
  for (const bad of [policyOf(third), policyOf(second, 'other.example.org')]) {
    assert.throws(() => checkWitnessPolicy(spec, bad), { code: 'misconfigured' });
  }
});

const OWN_ROW: LogSpec = { name: 'v2', origin: ORIGIN, kind: 'rekor-v2', signer: own };
let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.drop());

/** One entry by a server with these further signers; gives what the log then shows. */
async function servedWith(alsoSign: readonly FurtherSigner[], text: string, create = false): Promise<string> {
  const server: TestServer = await startServer({ database, logs: [{ ...OWN_ROW, alsoSign, create }] });
  try {
    const body = Buffer.from(JSON.stringify(hashedRekord(newKey(), text)));
    const answer = await send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
    assert.equal(answer.status, 201, answer.body.toString());
    const shown = (await send(server.port, { method: 'GET', path: '/checkpoint' })).body.toString('utf8');
    const report = await fsckPublished({ from: { url: new URL(server.url) }, key: `${pemOf(own)}` });
    assert.equal(report.outcome, 'ok', JSON.stringify(report.problems));
    assert.equal((await server.handle.fsck('v2')).problems.length, 0);
    return shown;
  } finally {
    await server.close();
  }
}

function pemOf(signer: LocalSigner): string {
  return signer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

test('over the life of a log further signers come, change order and go; what was signed before stays sound to server and fsck', async () => {
  const lives: FurtherSigner[][] = [[], [{ signer: second }], [{ signer: third }, { signer: second }], []];
  for (const [i, alsoSign] of lives.entries()) {
    const shown = await servedWith(alsoSign, `life ${i}`, i === 0);
    assert.deepEqual(
      namesAndHashes(Buffer.from(shown)),
      [own, ...alsoSign.map(({ signer }) => signer)].map((s) => idOf(s)),
    );
  }
  const [report] = await fsckDatabase({
    connectionString: database.connectionString,
    logger: silentLogger,
    key: pemOf(own),
  });
  assert.equal(report?.outcome, 'ok', JSON.stringify(report?.problems));
  assert.equal(report.size, lives.length);
});

test('only a Rekor v2 log has further signers', async () => {
  const logs = [{ ...OWN_ROW, name: 'ct', kind: 'ct' as const, alsoSign: [{ signer: second }], create: true }];
  await assert.rejects(startServer({ database, logs }), { code: 'misconfigured' });
});
