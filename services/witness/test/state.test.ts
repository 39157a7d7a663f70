import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { formatAddCheckpointRequest, formatNote, parseNote, verifierKey } from '@sigstead/formats';
import { localSigner } from '@sigstead/keys';
import { createMetrics, silentLogger } from '@sigstead/platform';
import { composeWitness, initWitness, originHash, type WitnessHandle, type WitnessOptions } from '@sigstead/witness';
import { generateKeyPairSync } from 'node:crypto';
import {
  type Answer,
  NAME,
  type Running,
  runWitness,
  temporaryFolder,
  testClock,
  testSigner,
} from './support/run-witness.ts';
import { leaves, logKey, rootOf, TestLog } from '@sigstead/test';
import { World } from './support/world.ts';

const ORIGIN = 'log.example/one';
const HASH = originHash(ORIGIN);

interface Site {
  readonly log: TestLog;
  readonly first: Running;
  /** Starts the witness on the same state, as a new process would. */
  readonly again: (options?: Omit<Partial<WitnessOptions>, 'clock'>) => Promise<Running>;
  readonly file: (name: string) => string;
}

/** A witness that has cosigned sizes 3, 5 and 9, and was ended. */
async function site(
  t: { after(end: () => Promise<void>): void },
  options: Partial<WitnessOptions> = {},
): Promise<Site> {
  const log = new TestLog(ORIGIN);
  const clock = testClock();
  const first = await runWitness(t, { logs: [log.spec], ...options, clock });
  let before = 0;
  for (const size of [3, 5, 9]) {
    clock.nowSec += 1;
    assert.equal((await first.add(log.request(before, leaves(size)))).status, 200);
    before = size;
  }
  await first.stop();
  const { signer, folder: stateFolder } = first;
  const again: Site['again'] = (more) =>
    runWitness(t, { logs: [log.spec], ...options, signer, stateFolder, clock, ...more });
  return { log, first, again, file: (name) => path.join(stateFolder, 'logs', HASH, name) };
}

test('after a restart the witness goes on where it was', async (t) => {
  const { log, again } = await site(t);
  const witness = await again();
  assert.deepEqual(await witness.witness.ready(), { ok: true });
  assert.equal((await witness.add(log.request(0, leaves(10)))).body, '9\n');
  assert.match((await witness.get(`/${HASH}/checkpoint`)).body, /^log\.example\/one\n9\n/);
  assert.equal((await witness.add(log.request(9, leaves(10)))).status, 200);
  const fork = new TestLog(ORIGIN);
  assert.equal((await witness.add(fork.request(10, leaves(10)))).status, 403);
});

test('a restart remembers earlier sizes: a fork of one of them is evidence', async (t) => {
  const { log, again, file } = await site(t);
  const witness = await again();
  assert.equal((await witness.add(log.request(0, leaves(5, 'fork')))).status, 409);
  assert.equal((await readdir(file('evidence'))).length, 1);
});

const DAMAGES: [string, (site: Site) => Promise<void>][] = [
  ['the latest checkpoint is gone', ({ file }) => rm(file('latest'))],
  ['the folder of the log is gone', ({ file }) => rm(file('.'), { recursive: true })],
  ['the latest checkpoint is empty', ({ file }) => writeFile(file('latest'), '')],
  [
    'the latest checkpoint is cut short',
    async ({ file }) => writeFile(file('latest'), (await readFile(file('latest'))).subarray(0, -9)),
  ],
  [
    'one byte of the root is another one',
    async ({ file }) => {
      const text = await readFile(file('latest'), 'utf8');
      const root = rootOf(leaves(9)).toString('base64');
      await writeFile(file('latest'), text.replace(root, rootOf(leaves(9, 'x')).toString('base64')));
    },
  ],
  [
    'it is a checkpoint without our cosignature',
    ({ file, log }) => writeFile(file('latest'), log.note(log.text(leaves(9)))),
  ],
  [
    'it is an older one of the history',
    async ({ file }) => {
      const [older = ''] = (await readFile(file('history'), 'utf8')).split('\n').filter(Boolean);
      await writeFile(file('latest'), JSON.parse(older) as string);
    },
  ],
];

for (const [what, damage] of DAMAGES) {
  test(`nothing is cosigned for a log whose state is damaged, others go on: ${what}`, async (t) => {
    const other = new TestLog('log.example/two');
    const { log, again, first, file } = await site(t);
    await damage({ log, again, first, file });
    const witness = await again({ logs: [log.spec, other.spec] });
    for (const oldSize of [0, 3, 5, 9]) {
      const answer = await witness.add(log.request(oldSize, leaves(10)));
      assert.deepEqual([answer.status, answer.body], [503, 'temporarily unavailable\n']);
    }
    assert.equal((await witness.get(`/${HASH}/checkpoint`)).status, 503);
    assert.equal((await witness.add(other.request(0, leaves(2)))).status, 200);
    const ready = await witness.witness.ready();
    assert.equal(ready.ok, false);
    assert.match(ready.detail ?? '', /^log\.example\/one: /);
    assert.match(await witness.metrics.text(), /sigstead_witness_halted\{log="log.example\/one"\} 1/);
    assert.equal(witness.lines.filter((line) => line.includes('until its state is right')).length, 1);
  });
}

test('a torn end of the history is dropped, and the next line is whole', async (t) => {
  const { log, again, file } = await site(t);
  await appendFile(file('history'), '"log.example/one\\n12');
  const witness = await again();
  assert.equal((await witness.add(log.request(9, leaves(12)))).status, 200);
  await witness.stop();
  await rm(file('latest'));
  const second = await again();
  assert.equal((await second.add(log.request(0, leaves(12)))).status, 503, 'what was cosigned last is remembered');
});

test('the history stays short, however often a log grows', async () => {
  const log = new TestLog(ORIGIN);
  const world = new World(log);
  await world.init();
  const all = leaves(300);
  for (let size = 1; size <= 300; size++) {
    assert.equal((await world.ask(log.request(size - 1, all.slice(0, size)))).kind, 'cosigned');
  }
  const history = await world.files.read(`/witness/state/logs/${HASH}/history`);
  const lines = Buffer.from(history ?? [])
    .toString('utf8')
    .split('\n')
    .filter(Boolean);
  assert.ok(lines.length <= 128, String(lines.length));
  assert.match(lines.at(-1) ?? '', /^"log.example\/one\\n300\\n/);
});

test('a state that was set back as a whole is noticed by the mark on another volume', async (t) => {
  const markFolder = path.join(await temporaryFolder(t), 'marks');
  const { log, first, again } = await site(t, { markFolder });
  const backup = `${first.folder}.backup`;
  await cp(first.folder, backup, { recursive: true });
  const second = await again();
  assert.equal((await second.add(log.request(9, leaves(12)))).status, 200);
  await second.stop();
  await rm(first.folder, { recursive: true });
  await rename(backup, first.folder);
  const third = await again();
  assert.equal((await third.add(log.request(9, leaves(11, 'fork')))).status, 503);
  assert.match((await third.witness.ready()).detail ?? '', /the mark says that 12 was cosigned/);
});

test('a damaged mark stops its log; a mark folder that is not there, or another one, stops the start', async (t) => {
  const markFolder = path.join(await temporaryFolder(t), 'marks');
  const { log, again } = await site(t, { markFolder });
  await writeFile(path.join(markFolder, HASH), '9\n');
  const witness = await again();
  assert.equal((await witness.add(log.request(9, leaves(10)))).status, 503);
  await witness.stop();
  await rm(path.join(markFolder, 'witness'));
  await assert.rejects(compose(await optionsOf(witness, { markFolder, logs: [log.spec] })), { code: 'state_missing' });
});

test('a checkpoint with our own cosignature that the state does not know stops the log: the state was set back', async (t) => {
  const { log, first, again, file } = await site(t);
  const backup = `${first.folder}.backup`;
  await cp(first.folder, backup, { recursive: true });
  const second = await again();
  const { body: ownLine } = await second.add(log.request(9, leaves(12)));
  await second.stop();
  await rm(first.folder, { recursive: true });
  await rename(backup, first.folder);
  const third = await again();
  const text = log.text(leaves(12));
  const note = formatNote(text, [log.key.line(text), ownLine]);
  // Any request will do, also one that asks for nothing new.
  const answer = await third.add(Buffer.from(formatAddCheckpointRequest({ oldSize: 0, proof: [], note })));
  assert.equal(answer.status, 503);
  assert.equal((await third.add(log.request(9, leaves(10)))).status, 503);
  assert.deepEqual(await readdir(file('evidence')), ['forgotten-12']);
});

test('our own cosignatures that the state knows do no harm: logs send the note they have', async (t) => {
  const { log, again } = await site(t);
  const witness = await again();
  const shown = (await witness.get(`/${HASH}/checkpoint`)).body;
  const request = Buffer.from(formatAddCheckpointRequest({ oldSize: 9, proof: [], note: shown }));
  for (let i = 0; i < 3; i++) assert.equal((await witness.add(request)).status, 200);
  assert.equal((await witness.add(log.request(9, leaves(10)))).status, 200);
  assert.equal((await witness.add(request)).status, 409);
});

test('time never goes back, and a clock that is far behind cosigns nothing', async (t) => {
  const log = new TestLog(ORIGIN);
  const clock = testClock();
  const witness = await runWitness(t, { logs: [log.spec], clock });
  const timeOf = async (size: number): Promise<string> => {
    await witness.add(log.request(size - 1, leaves(size)));
    return /sigstead_witness_cosigned_timestamp_seconds\{.*\} (\d+)/.exec(await witness.metrics.text())?.[1] ?? '';
  };
  const startSec = clock.nowSec;
  assert.equal(await timeOf(1), String(startSec));
  clock.nowSec = startSec - 30;
  assert.equal(await timeOf(2), String(startSec));
  clock.nowSec = startSec - 61;
  assert.equal((await witness.add(log.request(2, leaves(3)))).status, 503);
  assert.equal(witness.lines.filter((line) => line.includes('clock_behind')).length, 1);
  clock.nowSec = startSec + 5;
  assert.equal(await timeOf(3), String(startSec + 5));
});

test('asked again within a second, the same checkpoint is not written again, whatever lines of the log are under it', async (t) => {
  const log = new TestLog(ORIGIN);
  const further = logKey('another.example', 'ecdsa');
  const clock = testClock();
  const logs = [{ origin: ORIGIN, keys: [...log.spec.keys, further.vkey] }];
  const witness = await runWitness(t, { logs, clock });
  const text = log.text(leaves(3));
  const ask = (lines: readonly string[], oldSize: number): Promise<Answer> =>
    witness.add(Buffer.from(formatAddCheckpointRequest({ oldSize, proof: [], note: formatNote(text, lines) })));
  const saves = async (): Promise<string> =>
    /sigstead_witness_save_seconds_count (\d+)/.exec(await witness.metrics.text())?.[1] ?? '';
  const [one, other] = [log.key.line(text), further.line(text)];
  const first = await ask([one], 0);
  // The line of another key is kept, once.
  assert.equal((await ask([one, other], 3)).body, first.body);
  const before = await saves();
  // Anybody can leave lines out and put them in another order, and make another valid signature of one with ECDSA.
  for (const lines of [[one], [other], [further.line(text)], [one, other], [other, one]]) {
    assert.deepEqual([(await ask(lines, 3)).body, await saves()], [first.body, before]);
  }
  clock.nowSec += 1;
  assert.notEqual((await ask([one, other], 3)).body, first.body);
  assert.notEqual(await saves(), before);
  assert.equal(parseNote((await witness.get(`/${HASH}/checkpoint`)).body).signatures.length, 3);
});

test('two processes cannot share a state, and a state opens again when its process has ended', async (t) => {
  const { log, again } = await site(t);
  const witness = await again();
  await assert.rejects(compose(await optionsOf(witness, { logs: [log.spec] })), { code: 'state_in_use' });
  await witness.stop();
  await (await again()).stop();
});

test('a folder that is no state, or the state of another witness, stops the start', async (t) => {
  const { log, first, again } = await site(t);
  const good = await optionsOf(first, { logs: [log.spec] });
  const stateFolder = path.join(await temporaryFolder(t), 'typo');
  await assert.rejects(compose({ ...good, stateFolder }), { code: 'state_missing' });
  await mkdir(stateFolder);
  await assert.rejects(compose({ ...good, stateFolder }), { code: 'state_missing' });
  await assert.rejects(compose({ ...good, name: 'witness.example/w2' }), { code: 'state_foreign' });
  await assert.rejects(compose({ ...good, signer: testSigner() }), { code: 'state_foreign' });
  await assert.rejects(initWitness({ ...good, signer: testSigner() }), { code: 'state_foreign' });
  await writeFile(path.join(first.folder, 'witness'), 'sigstead-witness-state/v9\n');
  await assert.rejects(compose(good), { code: 'state_foreign' });
  await assert.rejects(again(), { code: 'state_foreign' });
});

test('a key that is not Ed25519, and logs that contradict each other, stop the start', async (t) => {
  const { first } = await site(t);
  const log = new TestLog('log.example/ct', 'rfc6962');
  const p256 = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  await assert.rejects(compose(await optionsOf(first, { logs: [], signer: p256 })), { code: 'key_unusable' });
  for (const logs of [
    [log.spec, log.spec],
    [{ origin: 'other', keys: [logKey('log.example/ct', 'rfc6962').vkey] }],
    [log.spec, { origin: 'log.example/2', keys: [verifierKey('log.example/2', 'rfc6962', log.key.vkey.key)] }],
    Array.from({ length: 1001 }, (_, index) => ({ ...log.spec, origin: `log ${index}` })),
  ]) {
    await assert.rejects(compose(await optionsOf(first, { logs })), { code: 'logs_contradict' });
  }
});

async function optionsOf(
  running: Running,
  more: Pick<WitnessOptions, 'logs'> & Partial<WitnessOptions>,
): Promise<WitnessOptions> {
  const { signer, clock, folder: stateFolder } = running;
  return { name: NAME, signer, stateFolder, clock, logger: silentLogger, metrics: createMetrics(), ...more };
}

/** What opens by mistake is closed, so that the test ends. */
async function compose(options: WitnessOptions): Promise<WitnessHandle> {
  const witness = await composeWitness(options);
  await witness.close();
  return witness;
}
