import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, sign } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { formatCheckpointBody, formatNote, noteKeyHash, publicKeyFromSpki, signatureLine } from '@sigstead/formats';
import { CompactRange, createTreeHasher } from '@sigstead/merkle';
import { parseCommandLine } from '../src/command-line.ts';
import { progressLines } from '../src/commands/fsck-progress.ts';
import { Failure } from '../src/failure.ts';
import { type Ended, LAUNCHER, run } from './running.ts';

const hasher = createTreeHasher((data) => hash('sha256', data, 'buffer'));
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ORIGIN = 'log.example.com';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-fsck-'));
  await writeFile(join(base, 'key.pem'), keys.publicKey.export({ type: 'spki', format: 'pem' }));
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(base, 'other.pem'), other.publicKey.export({ type: 'spki', format: 'pem' }));
});
after(() => rm(base, { recursive: true }));

/** A log of at most 255 entries; `served` stands in the place of what was logged. */
async function folder(name: string, entries: string[], served = entries): Promise<string> {
  const leaves = entries.map((entry) => hasher.leaf(Buffer.from(entry)));
  const range = CompactRange.empty(hasher);
  for (const leaf of leaves) range.append(leaf);
  const body = formatCheckpointBody({ origin: ORIGIN, size: entries.length, root: range.root(), extensions: [] });
  const id = noteKeyHash(ORIGIN, publicKeyFromSpki(keys.publicKey.export({ type: 'spki', format: 'der' })));
  const line = signatureLine(ORIGIN, id, sign('sha256', Buffer.from(body), keys.privateKey));
  const path = join(base, name);
  await mkdir(join(path, 'tile/0/000.p'), { recursive: true });
  await mkdir(join(path, 'tile/entries/000.p'), { recursive: true });
  await writeFile(join(path, 'checkpoint'), formatNote(body, [line]));
  if (entries.length === 0) return path;
  const bundle = served.map((entry) => Buffer.concat([Buffer.of(0, entry.length), Buffer.from(entry)]));
  await writeFile(join(path, `tile/0/000.p/${entries.length}`), Buffer.concat(leaves));
  await writeFile(join(path, `tile/entries/000.p/${entries.length}`), Buffer.concat(bundle));
  return path;
}

const fsck = (...args: string[]): Promise<Ended> => run(LAUNCHER, ['fsck', ...args]).ended;

suite('fsck as a program', () => {
  test('0 for a sound log, with and without its key; the report says which', async () => {
    const path = await folder('sound', ['a', 'b', 'c']);
    const plain = await fsck(path);
    assert.equal(plain.code, 0, plain.output);
    assert.match(plain.output, /^ok: /);
    assert.match(plain.output, /size 3, root [0-9a-f]{64}, signature not checked/);
    const keyed = await fsck(path, '--key', join(base, 'key.pem'), '--origin', ORIGIN, '--json');
    assert.equal(keyed.code, 0, keyed.output);
    const report = JSON.parse(keyed.output) as Record<string, unknown>;
    assert.deepEqual([report['outcome'], report['signature'], report['size']], ['ok', 'verified', 3]);
  });

  test('1 for a tampered log, the entry and both hashes named on the last line', async () => {
    const path = await folder('tampered', ['a', 'b', 'c'], ['a', 'x', 'c']);
    const { code, output } = await fsck(path);
    assert.equal(code, 1);
    const [expected, found] = ['b', 'x'].map((entry) => Buffer.from(hasher.leaf(Buffer.from(entry))).toString('hex'));
    assert.match(output, new RegExp(`not sound: entry 1: its bytes hash to ${found}, but its tile has ${expected}`));
  });

  test('1 for another key, a log without entries, an empty folder, nobody there', async () => {
    const sound = await folder('again', ['a']);
    const empty = await folder('empty', []);
    const cases: [string[], RegExp][] = [
      [[sound, '--key', join(base, 'other.pem')], /signature does not verify/],
      [[sound, '--key', join(base, 'nowhere.pem')], /cannot read the key/],
      [[sound, '--origin', 'other.example.com'], /another origin/],
      [[empty], /no entries: nothing was checked/],
      [[join(base, 'nothing')], /there is no checkpoint/],
      [['http://127.0.0.1:1'], /ECONNREFUSED/],
      [['postgresql://127.0.0.1:1/none'], /the database does not answer \(.*ECONNREFUSED/],
    ];
    const ends = await Promise.all(cases.map(([args]) => fsck(...args)));
    for (const [i, { code, output }] of ends.entries()) {
      assert.equal(code, 1, output);
      assert.match(output, cases[i]?.[1] ?? /nothing/);
      assert.doesNotMatch(output, /^ok/m);
    }
  });
});

suite('fsck on the command line', () => {
  test('sources, a log of a database, options', () => {
    const flags = (...args: string[]): unknown => parseCommandLine(['fsck', ...args]);
    const command = 'fsck';
    assert.deepEqual(flags('https://h/log'), { command, flags: { source: 'https://h/log', json: false } });
    assert.deepEqual(flags('postgresql:///d?host=/s', 'v2', '--json'), {
      command,
      flags: { source: 'postgresql:///d?host=/s', log: 'v2', json: true },
    });
    assert.deepEqual(flags('dir', '--parallel', '64', '--key', 'k', '--origin', 'o'), {
      command,
      flags: { source: 'dir', json: false, parallel: 64, key: 'k', origin: 'o' },
    });
    assert.deepEqual(flags('https://h/ct', '--static-ct'), {
      command,
      flags: { source: 'https://h/ct', json: false, staticCt: true },
    });
    assert.deepEqual(flags('--help'), { command: 'help', topic: 'fsck' });
  });

  test('what cannot be meant is refused with exit code 2', () => {
    for (const line of ['', 'a b', 'ftp://h', 'http://', 'd --parallel 0', 'd --parallel 65', 'postgres://h/d a b']) {
      const argv = ['fsck', ...line.split(' ').filter((word) => word !== '')];
      assert.throws(
        () => parseCommandLine(argv),
        (error) => error instanceof Failure && error.exitCode === 2,
        line,
      );
    }
    for (const published of [['--origin', 'o'], ['--static-ct']]) {
      const argv = ['fsck', 'postgresql://h/d', ...published];
      assert.throws(
        () => parseCommandLine(argv),
        (error) => error instanceof Failure && error.exitCode === 2,
      );
    }
  });

  test('progress: a line a second at most, with the rate of the whole run', () => {
    let now = 0;
    const lines: string[] = [];
    const progress = progressLines({ nowMs: () => now, writeError: (text) => lines.push(text) });
    for (const [at, entries] of [
      [10, 256],
      [1000, 5000],
      [1500, 8000],
      [2000, 9000],
    ] as const) {
      now = at;
      progress.at({ entries, total: 10_000 }, 'a');
    }
    now = 4000;
    progress.at({ entries: 1000, total: 2000 }, 'b');
    assert.deepEqual(lines, [
      'log a: 5000 of 10000 entries (50 %), 5000 a second\n',
      'log a: 9000 of 10000 entries (90 %), 4500 a second\n',
      'log b: 1000 of 2000 entries (50 %), 2500 a second\n',
    ]);
  });
});
