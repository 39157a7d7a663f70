import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { entryBundlePath, MerkleError, parseTilePath, tilePath } from '../src/index.ts';

const GROUPS: [number, string][] = [
  [0, '000'],
  [5, '005'],
  [999, '999'],
  [1000, 'x001/000'],
  [255999, 'x255/999'],
  [999999, 'x999/999'],
  [1000000, 'x001/x000/000'],
  [1234067, 'x001/x234/067'],
  [2 ** 32, 'x004/x294/x967/296'],
  [Number.MAX_SAFE_INTEGER, 'x009/x007/x199/x254/x740/991'],
];

for (const [index, spelling] of GROUPS) {
  test(`index ${index} is spelled ${spelling}, and read back`, () => {
    assert.equal(tilePath({ level: 0, index, width: 256 }), `tile/0/${spelling}`);
    assert.equal(entryBundlePath({ index, width: 8 }), `tile/entries/${spelling}.p/8`);
    assert.deepEqual(parseTilePath(`tile/63/${spelling}.p/255`), { kind: 'tile', level: 63, index, width: 255 });
    assert.deepEqual(parseTilePath(`tile/entries/${spelling}`), { kind: 'entries', index, width: 256 });
  });
}

test('tile check 7: every tile and bundle has one path, which names it and nothing else', () => {
  const place = fc.record({
    level: fc.integer({ min: 0, max: 63 }),
    index: fc.oneof(fc.nat(), fc.maxSafeNat()),
    width: fc.integer({ min: 1, max: 256 }),
  });
  fc.assert(
    fc.property(place, (tile) => {
      assert.deepEqual(parseTilePath(tilePath(tile)), { kind: 'tile', ...tile });
      const { index, width } = tile;
      assert.deepEqual(parseTilePath(entryBundlePath({ index, width })), { kind: 'entries', index, width });
    }),
    { numRuns: 2000 },
  );
});

const HOSTILE = [
  '',
  'tile',
  'tile/',
  'tile/0',
  'tile/0/',
  'tile//000',
  'tile/0/0',
  'tile/0/00',
  'tile/0/0000',
  'tile/0/x000',
  'tile/0/x000/000',
  'tile/0/x000/x001/000',
  'tile/0/001/000',
  'tile/0/X001/000',
  'tile/0/x001/x000',
  'tile/0/x001',
  'tile/0/x1/000',
  'tile/0/x001//000',
  'tile/0/x0001/000',
  'tile/0/000.p',
  'tile/0/000.p/',
  'tile/0/000.p/0',
  'tile/0/000.p/00',
  'tile/0/000.p/01',
  'tile/0/000.p/256',
  'tile/0/000.p/257',
  'tile/0/000.p/999',
  'tile/0/000.p/1000',
  'tile/0/000.p/-1',
  'tile/0/000.p/+1',
  'tile/0/000.p/1.0',
  'tile/0/000.p/1e1',
  'tile/0/000.p/0x1',
  'tile/0/000.p/1/',
  'tile/0/000.p/1.p/1',
  'tile/0/000.P/1',
  'tile/0/000p/1',
  'tile/64/000',
  'tile/99/000',
  'tile/100/000',
  'tile/00/000',
  'tile/01/000',
  'tile/-1/000',
  'tile/+1/000',
  'tile/1e0/000',
  'tile/0/-01',
  'tile/0/..',
  'tile/0/../0/000',
  'tile/0/./000',
  'tile/../checkpoint',
  'tile/entries',
  'tile/entries/',
  'tile/entries/0',
  'tile/entries/..',
  'tile/Entries/000',
  'tile/entries/x000/000',
  'tile/entries/000.p/0',
  'tile/entries/000.p/256',
  'tile/data/000',
  'Tile/0/000',
  '/tile/0/000',
  ' tile/0/000',
  'tile/0/000 ',
  'tile/0/000\n',
  'tile/0/000\0',
  'tile/0/000?',
  'tile/0/000#',
  'tile/0/000/',
  'tile/0/%30%30%30',
  'tile\\0\\000',
  'tile/0/\u0660\u0660\u0660',
  'tile/0/\uff10\uff10\uff10',
  'tile/0/000.p/\u0661',
  'api/v2/tile/0/000',
  'tile/0/x009/x007/x199/x254/x740/992',
  'tile/0/x999/x999/x999/x999/x999/999',
  'tile/0/x001/x000/x000/x000/x000/x000/000',
  `tile/0/${'x001/'.repeat(100_000)}000`,
  `tile/0/000.p/${'1'.repeat(100_000)}`,
];

for (const path of HOSTILE) {
  const shown = JSON.stringify(path.length > 60 ? `${path.slice(0, 40)}…${path.length}` : path);
  test(`${shown} is no path`, () => assert.equal(parseTilePath(path), undefined));
}

test('whatever parses is canonical: printing it gives the same text', () => {
  const near = fc
    .array(
      fc.constantFrom('tile/', '0', '00', '000', '1', '255', '256', 'x', 'x001/', '/', '.p/', 'entries/', '.', '63'),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(''));
  let parsedAny = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        near,
        near.map((text) => `tile/0/${text}`),
        fc.string(),
      ),
      (text) => {
        const parsed = parseTilePath(text);
        if (parsed === undefined) return;
        parsedAny++;
        assert.equal(parsed.kind === 'tile' ? tilePath(parsed) : entryBundlePath(parsed), text);
      },
    ),
    { numRuns: 20_000 },
  );
  assert.ok(parsedAny > 50, `${parsedAny} parsed`);
});

test('impossible coordinates have no path', () => {
  const bad = [
    { level: 64, index: 0, width: 1 },
    { level: -1, index: 0, width: 1 },
    { level: 0.5, index: 0, width: 1 },
    { level: 0, index: -1, width: 1 },
    { level: 0, index: 2 ** 53, width: 1 },
    { level: 0, index: Number.NaN, width: 1 },
    { level: 0, index: 0, width: 0 },
    { level: 0, index: 0, width: 257 },
    { level: 0, index: 0, width: 1.5 },
  ];
  const refused = (error: unknown): boolean => error instanceof MerkleError && error.code === 'bad_tile_coordinate';
  for (const tile of bad) assert.throws(() => tilePath(tile), refused, JSON.stringify(tile));
  assert.throws(() => entryBundlePath({ index: 0, width: 0 }), refused);
});
