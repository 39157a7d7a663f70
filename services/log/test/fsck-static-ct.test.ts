import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeDataTile, encodeTileLeaf, merkleTreeLeaf } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import pg from 'pg';
import { contradictionBeside } from '../src/core/ct/beside.ts';
import { fsckDatabase, fsckPublished } from '../src/index.ts';
import { silentLogger } from '@sigstead/platform';
import { certificate, isCa, POISON, type TestCertificate } from './support/certificates.ts';
import { rootOf } from './support/folder-log.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher, sha256 } from './support/test-log.ts';

const SIZE = 260;
const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const key = signer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const root = certificate({ subject: 'root', extensions: [isCa()] });
const issuing = certificate({ subject: 'issuing', issuer: root, extensions: [isCa(0)] });
const entity = certificate({ subject: 'entity', extensions: [POISON] });
const precertificate = (subject: string): TestCertificate =>
  certificate({ subject, issuer: issuing, extensions: [POISON], key: entity });

let server: TestServer;
let base: string;
let folder: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-static-ct-'));
  folder = join(base, 'log');
  server = await startServer({
    cacheBytes: 0,
    logs: [
      {
        name: 'ct1',
        origin: 'ct.example.com/1',
        kind: 'ct',
        signer,
        acceptedRoots: [root.der],
        leafIndex: true,
        create: true,
        basePaths: [''],
      },
    ],
  });
  const log = server.handle.ct('ct1');
  await Promise.all(
    Array.from({ length: SIZE }, (_, i) => log.addPreChain([precertificate(`leaf ${i}`).der, issuing.der])),
  );
  const names = ['checkpoint', 'tile/0/000', 'tile/0/001.p/4', 'tile/1/000.p/1', 'tile/data/000', 'tile/data/001.p/4'];
  const issuers = [root, issuing].map(({ der }) => `issuer/${Buffer.from(sha256(der)).toString('hex')}`);
  for (const name of [...names, ...issuers]) {
    const answer = await fetch(`${server.url}/${name}`);
    assert.equal(answer.status, 200, name);
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), Buffer.from(await answer.arrayBuffer()));
  }
});
after(async () => {
  await server.close();
  await rm(base, { recursive: true, force: true });
});

test('a log of the static-ct-api layout is derived again from its data tiles, over HTTP and in a folder', async () => {
  for (const from of [{ url: new URL(server.url) }, { folder }]) {
    const report = await fsckPublished({ from, key, staticCt: true, origin: 'ct.example.com/1' });
    assert.deepEqual([report.outcome, report.problems], ['ok', []]);
    assert.equal(report.signature, 'verified');
    assert.deepEqual([report.size, report.checked.entries], [SIZE, SIZE]);
  }
  const wrong = await fsckPublished({ from: { folder }, key: generateKey(), staticCt: true });
  assert.equal(wrong.problems[0]?.code, 'signature');
  assert.equal((await fsckPublished({ from: { folder }, staticCt: false })).outcome, 'bad');
  await assert.rejects(fsckPublished({ from: { folder }, key: 'ct.example.com+00000000+AQ==', staticCt: true }), {
    code: 'misconfigured',
  });
});

function generateKey(): string {
  const other = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  return other.publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

type Change = (bytes: Buffer) => Uint8Array | undefined;
const leavesWith =
  (at: number, change: (leaf: ReturnType<typeof decodeDataTile>[number]) => object): Change =>
  (bytes) =>
    Buffer.concat(
      decodeDataTile(bytes).map((leaf, i) => encodeTileLeaf(i === at ? { ...leaf, ...change(leaf) } : leaf)),
    );

test('what no leaf hash covers is looked at too; each fault is named', async () => {
  const issuer = `issuer/${Buffer.from(sha256(issuing.der)).toString('hex')}`;
  const flipped =
    (at: number): Change =>
    (bytes) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return copy;
    };
  const faults: [string, string, Change, RegExp][] = [
    [
      'a byte of a logged certificate',
      'tile/data/000',
      leavesWith(7, ({ timestampMs }) => ({ timestampMs: timestampMs + 1 })),
      /entry 7/,
    ],
    [
      'another precertificate',
      'tile/data/000',
      leavesWith(9, () => ({ precertificate: precertificate('other').der })),
      /entry 9: its precertificate is another one/,
    ],
    [
      'no precertificate',
      'tile/data/000',
      leavesWith(9, () => ({ precertificate: Buffer.of(1) })),
      /entry 9: a certificate beside it does not parse/,
    ],
    [
      'another chain',
      'tile/data/001.p/4',
      leavesWith(1, ({ chain }) => ({ chain: chain.toReversed() })),
      /entry 257: a certificate is no issuer/,
    ],
    ['no chain', 'tile/data/001.p/4', leavesWith(1, () => ({ chain: [] })), /entry 257: it has no issuer/],
    [
      'an issuer that is not there',
      'tile/data/001.p/4',
      leavesWith(0, () => ({ chain: [Buffer.alloc(32, 9)] })),
      /issuer\/0909.* is missing/,
    ],
    [
      'an entry with the index of another',
      'tile/data/001.p/4',
      leavesWith(2, () => ({ extensions: Buffer.from('0000050000000001', 'hex') })),
      /entry 258 does not name its own index/,
    ],
    [
      'an entry without index',
      'tile/data/001.p/4',
      leavesWith(2, () => ({ extensions: new Uint8Array(0) })),
      /entry 258 does not name/,
    ],
    ['a data tile cut short', 'tile/data/000', (bytes) => bytes.subarray(0, -3), /tile\/data\/000 does not decode/],
    [
      'a data tile less one entry',
      'tile/data/000',
      (bytes) => Buffer.concat(decodeDataTile(bytes).slice(0, 255).map(encodeTileLeaf)),
      /255 of 256/,
    ],
    ['a changed issuer', issuer, flipped(40), /is another certificate/],
    ['a missing issuer', issuer, () => undefined, /is missing, and entries refer to it/],
    ['a changed hash', 'tile/0/000', flipped(33), /tile\/0\/000/],
    ['a changed checkpoint', 'checkpoint', flipped(30), /./],
  ];
  for (const [what, name, change, expected] of faults) {
    const copy = join(base, 'copy');
    await rm(copy, { recursive: true, force: true });
    await cp(folder, copy, { recursive: true });
    const bytes = change(await readFile(join(copy, name)));
    if (bytes === undefined) await rm(join(copy, name));
    else await writeFile(join(copy, name), bytes);
    const report = await fsckPublished({ from: { folder: copy }, key, staticCt: true });
    assert.equal(report.outcome, 'bad', what);
    assert.match(report.problems.map(({ text }) => text).join('\n'), expected, what);
  }
});

test('a whole tree whose entries name other indexes is not sound, though every hash fits', async () => {
  const copy = join(base, 'renumbered');
  await cp(folder, copy, { recursive: true });
  const leaves = decodeDataTile(await readFile(join(folder, 'tile/data/001.p/4'))).map((leaf) => ({
    ...leaf,
    extensions: Buffer.from('0000050000000000', 'hex'),
  }));
  await writeFile(join(copy, 'tile/data/001.p/4'), Buffer.concat(leaves.map(encodeTileLeaf)));
  const hashes = leaves.map((leaf) => hasher.leaf(merkleTreeLeaf(leaf)));
  await writeFile(join(copy, 'tile/0/001.p/4'), Buffer.concat(hashes));
  const full = await readFile(join(folder, 'tile/0/000'));
  const all = [...Array.from({ length: 256 }, (_, i) => full.subarray(i * 32, i * 32 + 32)), ...hashes];
  const checkpoint = (await readFile(join(folder, 'checkpoint'), 'utf8')).split('\n');
  checkpoint[2] = Buffer.from(rootOf(all)).toString('base64');
  await writeFile(join(copy, 'checkpoint'), checkpoint.join('\n'));
  const report = await fsckPublished({ from: { folder: copy }, staticCt: true });
  assert.equal(report.outcome, 'bad');
  assert.match(report.problems[0]?.text ?? '', /entry 256 does not name its own index/);
});

test('in the database, what stands beside a leaf and the issuers that readers ask for are checked as well', async () => {
  const check = async (): Promise<string> => {
    const [report] = await fsckDatabase({
      connectionString: server.database.connectionString,
      logger: silentLogger,
      log: 'ct1',
    });
    return `${report?.outcome}: ${report?.problems[0] ?? ''}`;
  };
  assert.equal(await check(), 'ok: ');
  const client = new pg.Client({ connectionString: server.database.connectionString });
  await client.connect();
  try {
    await client.query('set session_replication_role = replica');
    await client.query('begin');
    await client.query('delete from log.issuers where fingerprint = sha256($1)', [issuing.der]);
    await client.query('commit');
    assert.match(await check(), /^bad: entry 0: an issuer of it is not stored by its fingerprint/);
    await client.query(
      'insert into log.issuers (log_id, fingerprint, certificate) select log_id, sha256($1), $1 from log.logs',
      [issuing.der],
    );
    assert.equal(await check(), 'ok: ');
    // The signature of a precertificate stands beside the leaf only: another one is found by nobody but its holder. Its name is found.
    await client.query(
      `update log.batches set records = overlay(records placing 'leaf 0'::bytea from position('leaf 5'::bytea in records))
        where position('leaf 5'::bytea in records) > 0`,
    );
    assert.match(await check(), /^bad: entry \d+/);
    await assert.rejects(
      client.query('insert into log.issuers (log_id, fingerprint, certificate) select log_id, $1, $2 from log.logs', [
        Buffer.alloc(32),
        Buffer.of(1),
      ]),
      { code: '23514' },
    );
  } finally {
    await client.end();
  }
});

test('an entry and what stands beside it fit only as they were submitted', () => {
  const one = {
    type: 'x509',
    certificate: certificate({ subject: 'x', issuer: issuing, extensions: [isCa()] }).der,
  } as const;
  const fits = (chain: Uint8Array[]): string | undefined =>
    contradictionBeside(one, { precertificate: undefined, chain }, sha256);
  assert.equal(fits([issuing.der, root.der]), undefined);
  assert.equal(fits([issuing.der]), undefined);
  assert.equal(fits([root.der]), 'a certificate is no issuer of the one below it');
  assert.equal(fits([]), 'it has no issuer');
  assert.match(fits([Buffer.of(0x30)]) ?? '', /does not parse/);
});
