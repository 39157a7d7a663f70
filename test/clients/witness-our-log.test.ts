/** Our log, cosigned by omniwitness and by two processes of `sigstead witness`, one of which then fails in every way. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  formatVerifierKey,
  type NoteVerifier,
  parseNote,
  parseSignedCheckpoint,
  parseVerifierKey,
  parseWitnessPolicy,
  publicKeyFromSpki,
  verifierKey,
  verifierOf,
  verifyNote,
} from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { originHash } from '@sigstead/witness';
import { freePort } from '../support/index.ts';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { eventually, ORIGIN, startLog } from './exported-log.ts';
import { startProgram } from './local-server.ts';
import { omniwitness } from './tools.ts';
import { WitnessProcess } from './witness-process.ts';
import { witnessWay } from './witness-way.ts';

const NAMES = { omni: 'omni.example', one: 'witness.example/one', two: 'witness.example/two' };
/** So that a witness that says nothing does not hold up what the others have said for long. */
const WITNESSING = { mode: 'fail-closed', timeoutMs: 500, intervalMs: 100, waitMs: 10_000 } as const;

const { skip } = needs(omniwitness);
if (skip !== false) describe('our log and its witnesses', { skip }, () => test('omniwitness and sigstead witness'));
else await suite();

interface Omniwitness {
  readonly url: string;
  readonly vkey: string;
}

/** SPEC: golang.org/x/mod/sumdb/note, encoded signer key */
async function startOmniwitness(folder: string, log: string): Promise<Omniwitness> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = publicKeyFromSpki(publicKey.export({ type: 'spki', format: 'der' }));
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
  const id = Buffer.from(verifierKey(NAMES.omni, 'ed25519', key).keyHash).toString('hex');
  const encoded = Buffer.concat([Buffer.of(1), seed]).toString('base64');
  await writeFile(join(folder, 'omni.key'), `PRIVATE+KEY+${NAMES.omni}+${id}+${encoded}`, { mode: 0o600 });
  const logs = `Logs:\n  - Origin: ${ORIGIN}\n    URL: http://127.0.0.1:1/\n    PublicKey: ${log}\n`;
  await writeFile(join(folder, 'logs.yaml'), logs);
  const port = await freePort();
  const args = [
    '--listen',
    `127.0.0.1:${port}`,
    '--metrics_listen',
    '',
    '--private_key_path',
    join(folder, 'omni.key'),
  ];
  args.push('--additional_logs', join(folder, 'logs.yaml'), '--db_file', join(folder, 'omni.db'));
  const program = await startProgram(programOf(omniwitness), args, port, 'ignore');
  after(() => program.end('SIGKILL'));
  return { url: `http://127.0.0.1:${port}`, vkey: formatVerifierKey(verifierKey(NAMES.omni, 'cosignature-v1', key)) };
}

async function suite(): Promise<void> {
  const folder = await temporaryFolder();
  const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const logKey = verifierKey(ORIGIN, 'ecdsa', publicKeyFromSpki(signer.spki));
  const logVkey = formatVerifierKey(logKey);
  const omni = await startOmniwitness(folder, logVkey);
  const make = async (name: string, place: string): Promise<WitnessProcess> => {
    const witness = await WitnessProcess.make(join(folder, place), { name, logs: [logVkey] });
    after(() => witness.stop());
    await witness.start();
    return witness;
  };
  const one = await make(NAMES.one, 'one');
  const two = await make(NAMES.two, 'two');
  // Has the name of the second and another key.
  const impostor = await make(NAMES.two, 'impostor');
  const way = await witnessWay(two.url, impostor.url);
  after(() => way.close());
  const policy = parseWitnessPolicy(
    `log ${logVkey}\nwitness omni ${omni.vkey} ${omni.url}/\nwitness one ${one.vkey} ${one.url}\n` +
      `witness two ${two.vkey} ${way.url}/\ngroup all-of-us 2 omni one two\nquorum all-of-us\n`,
  );
  const log = await startLog({ signer, witness: { policy, ...WITNESSING } }, 1);
  after(() => log.close());
  const witnesses = new Map<string, NoteVerifier>(
    [omni.vkey, one.vkey, two.vkey].map((vkey) => [vkey, verifierOf(parseVerifierKey(vkey))]),
  );

  /** The vkeys of the witnesses under a note; a line of one of them that does not verify spoils it. */
  const cosigners = (note: string): string[] => {
    verifyNote(note, [verifierOf(logKey), ...witnesses.values()]);
    const { signatures } = parseNote(note);
    assert.equal(signatures[0]?.name, ORIGIN, 'the log’s own signature is the first');
    return [...witnesses]
      .filter(([, { keyHash }]) => signatures.some((each) => Buffer.compare(each.keyHash, keyHash) === 0))
      .map(([vkey]) => vkey);
  };
  const checkpoint = async (): Promise<string> => (await log.served('checkpoint')).toString('utf8');
  let size = 0;
  /** An entry is acknowledged, and a checkpoint over it is shown. Gives the witnesses under it: two are enough. */
  const grown = async (): Promise<string[]> => {
    size += 1;
    await log.grow(size);
    const note = await checkpoint();
    assert.equal(parseSignedCheckpoint(note).checkpoint.size, size);
    const seen = cosigners(note);
    assert.ok(seen.length >= 2, note);
    return seen;
  };
  /** Grows until these witnesses have each been under a checkpoint. */
  const growsWith = async (...wanted: readonly string[]): Promise<void> => {
    const seen = new Set<string>();
    for (let rounds = 0; !wanted.every((vkey) => seen.has(vkey)); rounds++) {
      assert.ok(rounds < 50, `wanted ${wanted.join(' ')}, seen ${[...seen].join(' ')}`);
      for (const vkey of await grown()) seen.add(vkey);
    }
  };
  /** What a witness shows, and has cosigned. */
  const shownBy = async ({ url, verifier }: WitnessProcess): Promise<number> => {
    const note = await (await fetch(`${url}/${originHash(ORIGIN)}/checkpoint`)).text();
    assert.equal(verifyNote(note, [verifierOf(logKey), verifier]).length, 2);
    return parseSignedCheckpoint(note).checkpoint.size;
  };
  /** The log does not wait for more than it needs: whether a witness takes part, it says itself. */
  const takesPart = async (witness: WitnessProcess): Promise<void> => {
    const from = size;
    await eventually(
      () => grown().then(() => shownBy(witness)),
      (shown) => shown > from,
    );
  };

  test('a log of ours shows checkpoints that omniwitness and two of our witnesses cosigned', async () => {
    await growsWith(omni.vkey);
    for (const witness of [one, two]) await takesPart(witness);
  });

  for (const [how, is] of [
    ['says nothing', 'silent'],
    ['lies about the size', 'lying'],
    ['signs with another key', 'another'],
  ] as const) {
    test(`goes on with the other two when one ${how}, and with all three when that is over`, async () => {
      way.is = is;
      const before = way.asked();
      await eventually(
        async () => {
          assert.deepEqual(await grown(), [omni.vkey, one.vkey]);
          return way.asked();
        },
        (asked) => asked > before + 1,
      );
      way.is = 'open';
      await takesPart(two);
    });
  }

  test('goes on when a witness is stopped; without a quorum nothing is shown, and with it again everything is', async () => {
    await two.stop();
    for (let i = 0; i < 3; i++) assert.deepEqual(await grown(), [omni.vkey, one.vkey]);
    await one.stop();
    const before = await checkpoint();
    size += 1;
    const growing = log.grow(size).then(
      () => 'acknowledged',
      () => 'refused',
    );
    assert.equal(await growing, 'refused', 'an entry without a witnessed checkpoint is not acknowledged');
    assert.equal(await checkpoint(), before);
    await one.start();
    await eventually(
      checkpoint,
      (note) => parseSignedCheckpoint(note).checkpoint.size > parseSignedCheckpoint(before).checkpoint.size,
    );
    assert.ok(cosigners(await checkpoint()).includes(one.vkey));
    await two.start();
    await log.regrow(size);
    await takesPart(two);
  });
}
