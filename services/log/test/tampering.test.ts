import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeBase64 } from '@sigstead/formats';
import { entryBundlePath, tilePath, tilesForSize } from '@sigstead/merkle';
import { unpackRecords } from '../src/core/records.ts';
import { send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { CT, CT_SIZE, SIZE, type TamperedLog, tamperedLog, V2 } from './support/tampered-log.ts';
import { hasher } from './support/test-log.ts';

let log: TamperedLog;
/** Every question that a reader can ask, with the answer of the sound log. */
let truth: Map<string, Buffer>;
before(async () => {
  log = await tamperedLog();
  const server = await startServer({ database: log.database, logs: log.specs });
  try {
    const questions = await allQuestions();
    truth = new Map(
      await Promise.all(
        questions.map(async (path): Promise<[string, Buffer]> => {
          const { status, body } = await send(server.port, { method: 'GET', path });
          assert.equal(status, 200, path);
          return [path, body];
        }),
      ),
    );
  } finally {
    await server.close();
  }
});
after(() => log.database.drop());

async function allQuestions(): Promise<string[]> {
  const resources = tilesForSize(SIZE).flatMap(({ level, fullTiles, partialWidth }) => {
    const tiles = Array.from({ length: fullTiles }, (_, index) => ({ level, index, width: 256 }));
    if (partialWidth > 0) tiles.push({ level, index: fullTiles, width: partialWidth });
    return tiles.flatMap((tile) => (level === 0 ? [tilePath(tile), entryBundlePath(tile)] : [tilePath(tile)]));
  });
  const { rows } = await log.pool.query<{ records: Buffer; entry_count: number }>(
    `select records, entry_count from log.batches where ${CT} order by first_index`,
  );
  const leaves = rows.flatMap(({ records, entry_count }) => unpackRecords(records, entry_count));
  const sizes = Array.from({ length: CT_SIZE }, (_, i) => i + 1);
  const ct = [
    ...leaves.map(({ leaf }) => {
      const leafHash = encodeURIComponent(encodeBase64(hasher.leaf(leaf)));
      return `get-proof-by-hash?hash=${leafHash}&tree_size=${CT_SIZE}`;
    }),
    ...sizes.map((n) => `get-entry-and-proof?leaf_index=${n - 1}&tree_size=${CT_SIZE}`),
    ...sizes.map((n) => `get-sth-consistency?first=${n}&second=${CT_SIZE}`),
    `get-entries?start=0&end=${CT_SIZE - 1}`,
    'get-sth',
  ];
  return ['/checkpoint', ...resources.map((path) => `/${path}`), ...ct.map((path) => `/ct/ct/ct/v1/${path}`)];
}

/** Each question put to a process that has nothing in memory: it gives the true answer, or none. */
async function neverUntrue(server: TestServer): Promise<string[]> {
  const refused: string[] = [];
  for (const [path, body] of truth) {
    const answer = await send(server.port, { method: 'GET', path });
    if (answer.status === 200) assert.deepEqual(answer.body, body, `${path} gave something else`);
    else refused.push(path);
    assert.ok([200, 404, 500, 503].includes(answer.status), `${path}: ${answer.status}`);
    assert.doesNotMatch(answer.status === 200 ? '' : answer.body.toString(), /entry \d|tile \d|at .*\.ts/);
  }
  return refused;
}

/** What readiness says once a process has come to know. */
async function detected(): Promise<string> {
  const server = await startServer({
    database: log.database,
    logs: log.specs,
    scrub: { bytesPerSecond: 2 ** 40, pauseMs: 20 },
  });
  try {
    for (let waited = 0; waited < 30_000; waited += 20) {
      const { ok, detail = '' } = await server.handle.ready();
      if (!ok) {
        await stopped(server, detail);
        return detail.replace('; nothing is signed any more', '');
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    return assert.fail('nobody has noticed');
  } finally {
    await server.close();
  }
}

/** The log takes nothing more, and the figures say why. */
async function stopped(server: TestServer, detail: string): Promise<void> {
  const name = detail.startsWith('ct:') ? 'ct' : 'v2';
  const stats = server.handle.stats().find((each) => each.name === name);
  assert.ok(detail.includes(stats?.haltedBy ?? '?'), detail);
  if (name === 'v2') {
    const body = Buffer.from('{}');
    const { status } = await send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
    assert.ok(status === 503 || status === 400, String(status));
  } else {
    await assert.rejects(server.handle.ct('ct').addPreChain([Buffer.alloc(3)]));
  }
  if (!detail.includes('scrub:')) return;
  const text = await server.metrics.text();
  assert.match(text, new RegExp(`sigstead_log_scrub_errors_total\\{log="${name}",reason="contradiction"\\} 1`));
}

/** Sets one bit of one byte of a bytea column to its opposite. */
const flip = (column: string, at: number | string): string =>
  `${column} = set_byte(${column}, ${at}, get_byte(${column}, ${at}) # 1)`;
const FIRST = `${V2} and first_index = 0`;
const LAST_HEAD = `size = (select max(size) from log.heads where ${V2})`;
const MIDDLE = `(select min(size) from log.heads where ${V2} and size > 256)`;
const TILE = `${V2} and level = 0 and tile_index = 1`;

/** Where, how, what the operator is told, and whether a cold reader is refused something or everything. */
const PLACES: Record<string, [statement: string, told: RegExp, refused: 'nothing' | 'something' | 'everything']> = {
  'a byte of a leaf': [
    `update log.batches set ${flip('records', 20)} where ${FIRST}`,
    /^v2: scrub: entry 0 has another leaf hash than was logged/,
    'something',
  ],
  'a byte of a leaf, with its hash': [
    `update log.batches set ${flip('records', 20)}, leaf_hashes = sha256('x') || substring(leaf_hashes from 33) where ${FIRST}`,
    /^v2: scrub: entry 0 has another leaf hash stored with it: .* neither leads to the root/,
    'something',
  ],
  'the leaf hash of an old entry': [
    `update log.batches set ${flip('leaf_hashes', 0)} where ${FIRST}`,
    /^v2: scrub: entry 0 has another leaf hash stored with it/,
    'nothing',
  ],
  'the leaf hash of an entry at the edge': [
    `update log.batches set ${flip('leaf_hashes', '32 * (529 - first_index::integer)')} where ${V2} and first_index + entry_count = 530`,
    /^v2: the stored tiles do not lead to the stored head/,
    'everything',
  ],
  'a hash of a tile': [
    `update log.tiles set ${flip('hashes', 32 * 7)} where ${TILE}`,
    /^v2: scrub: tile 1 of level 0 is not what its entries make: hash 7 /,
    'something',
  ],
  'a tile and its root, which fit together': [
    `update log.tiles a set hashes = b.hashes, root = b.root from log.tiles b
      where a.${V2} and a.level = 0 and a.tile_index = 0 and b.log_id = a.log_id and b.level = 0 and b.tile_index = 1`,
    /^v2: the stored tiles do not lead to the stored head/,
    'everything',
  ],
  'the root of a tile': [
    `update log.tiles set ${flip('root', 0)} where ${TILE}`,
    /^v2: the stored tiles do not lead to the stored head/,
    'everything',
  ],
  'a deleted tile': [`delete from log.tiles where ${TILE}`, /^v2: .*tile/, 'everything'],
  'a tile too many': [
    `insert into log.tiles select log_id, level, 2, hashes, root from log.tiles where ${TILE}`,
    /^v2: scrub: there are 3 full tiles where a log of this size has 2$/,
    'nothing',
  ],
  'the newest note': [
    `update log.notes set ${flip('note', 'octet_length(note) - 10')} where ${V2} and ${LAST_HEAD}`,
    /^v2: the note stored for size 530 .* does not verify/,
    'everything',
  ],
  'an older note': [
    `update log.notes set ${flip('note', 'octet_length(note) - 10')} where ${V2} and size = ${MIDDLE}`,
    /^v2: scrub: a note of \d+ does not verify/,
    'nothing',
  ],
  'the root of the newest head': [
    `update log.heads set ${flip('root', 0)} where ${V2} and ${LAST_HEAD}`,
    /^v2: the note stored for size 530 .* says another head/,
    'everything',
  ],
  'the root of an older head': [
    `update log.heads set ${flip('root', 0)} where ${V2} and size = ${MIDDLE}`,
    /^v2: scrub: head size \d+ root [0-9a-f]{64} is not the root of its entries/,
    'nothing',
  ],
  'an index in the identities': [
    `update log.identities set entry_index = 9 where ${V2} and entry_index = 8`,
    /^v2: scrub: the identity of entry 8 is stored with entry 9$/,
    'nothing',
  ],
  'a deleted identity': [
    `delete from log.identities where ${V2} and entry_index = 8`,
    /^v2: scrub: the identity of entry 8 is not stored$/,
    'nothing',
  ],
  'an identity too many': [
    `insert into log.identities select log_id, sha256(identity), 3 from log.identities where ${V2} and entry_index = 3`,
    /^v2: scrub: there are 531 identities where a log of this size has 530$/,
    'nothing',
  ],
  'a deleted range of batches': [
    `delete from log.batches where ${V2} and first_index < 256`,
    /^v2: scrub: entries 0 to \d+ cannot be read: entry 0 is the first without a batch of its own/,
    'something',
  ],
  'two entries exchanged, bytes and hashes': [
    `with swapped as (
       select a.log_id, a.first_index as at, b.records, b.leaf_hashes from log.batches a, log.batches b
        where a.${V2} and b.log_id = a.log_id and a.first_index <> b.first_index and a.entry_count = b.entry_count
        order by a.first_index, b.first_index limit 1)
     update log.batches set records = s.records, leaf_hashes = s.leaf_hashes from swapped s
      where batches.log_id = s.log_id and batches.first_index = s.at`,
    /^v2: scrub: the identity of entry \d+ is stored with entry \d+$/,
    'something',
  ],
  'a byte of a CT leaf': [
    `update log.batches set ${flip('records', 40)} where ${CT} and first_index = 2`,
    /^ct: scrub: entry 2 has another leaf hash than was logged/,
    'something',
  ],
  'a CT leaf hash that leads elsewhere': [
    `update log.leaf_hashes set entry_index = 1 where ${CT} and entry_index = 2`,
    /^ct: scrub: leaf hash of entry 2 is found at 1$/,
    'something',
  ],
  'a deleted CT leaf hash': [
    `delete from log.leaf_hashes where ${CT} and entry_index = 2`,
    /^ct: scrub: leaf hash of entry 2 is found at no index$/,
    'something',
  ],
  'the time of an older CT head': [
    `update log.notes set ${flip('note', 7)} where ${CT} and size = 3`,
    /^ct: scrub: a note of 3 does not verify/,
    'nothing',
  ],
};

test('the sound log passes: it is scrubbed from end to end, again and again, and everything is answered', async () => {
  const server = await startServer({
    database: log.database,
    logs: log.specs,
    scrub: { bytesPerSecond: 2 ** 40, pauseMs: 1 },
  });
  try {
    const sound = (): Promise<boolean> =>
      server.metrics.text().then((text) => text.split('last_pass_timestamp').length > 4);
    for (let waited = 0; waited < 30_000 && !(await sound()); waited += 20)
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    assert.match(await server.metrics.text(), /sigstead_log_scrub_last_pass_timestamp_seconds\{log="v2"\} 1/);
    assert.deepEqual(await neverUntrue(server), []);
    assert.deepEqual(await server.handle.ready(), { ok: true });
  } finally {
    await server.close();
  }
});

for (const [name, [statement, told, refused]] of Object.entries(PLACES)) {
  test(`tampering is detected, and no reader is told anything untrue: ${name}`, async () => {
    await log.tampered(statement, async () => {
      const cold = await startServer({ database: log.database, logs: log.specs });
      try {
        const without = await neverUntrue(cold);
        const ofV2 = [...truth.keys()].filter((path) => !path.startsWith('/ct/'));
        if (refused === 'nothing') assert.deepEqual(without, []);
        if (refused === 'something') assert.ok(without.length > 0 && without.length < ofV2.length, without.join('\n'));
        if (refused === 'everything') assert.deepEqual(without, ofV2);
      } finally {
        await cold.close();
      }
      const detail = await detected();
      assert.match(detail, told);
      if (!detail.includes('scrub:')) return;
      const which = detail.startsWith('ct:') ? CT : V2;
      const others = await log.pool.query<{ state: string }>(`select state from log.states where ${which}`);
      assert.deepEqual(others.rows, [{ state: 'read-only' }], 'other processes are not told');
    });
  });
}
