import { entryBundlePath, parseTilePath, type TilePath, tilePath } from '@sigstead/merkle';
import { expect, type FuzzTarget, sameBytes } from '@sigstead/test/fuzz';
import { encodeBundle, readBundle } from '../../src/core/entry-bundle.ts';

const PATHS = [
  'tile/0/000',
  'tile/0/000.p/1',
  'tile/63/x001/234.p/255',
  'tile/entries/000',
  'tile/entries/x001/x234/067.p/255',
  'tile/0/x009/x007/x199/x254/x740/991',
];

function written(path: TilePath): string {
  return path.kind === 'tile' ? tilePath(path) : entryBundlePath(path);
}

const tilePaths: FuzzTarget = {
  name: 'tile-path',
  kind: 'bytes',
  seeds: PATHS.map((path) => Buffer.from(path)),
  words: [
    'tile/',
    'entries/',
    'x000/',
    '000',
    '.p/',
    '.p/0',
    '.p/256',
    '..',
    '%2e',
    '/',
    '-1',
    '64',
    '+1',
    ' ',
    '\u0660',
  ],
  judge(input) {
    const text = Buffer.from(input).toString('latin1');
    const path = parseTilePath(text);
    if (path === undefined) return 'refused';
    expect(written(path) === text, 'it has another spelling');
    return 'accepted';
  },
};

const bundle = (...entries: string[]): Uint8Array => encodeBundle(entries.map((leaf) => ({ leaf: Buffer.from(leaf) })));
const WIDTHS = [1, 2, 3, 255, 256];

/** Bundles come from strangers too: from mirrors that are checked, and from other logs. */
const bundles: FuzzTarget = {
  name: 'entry-bundle',
  kind: 'bytes',
  seeds: [
    bundle('one'),
    bundle('', ''),
    bundle('a', 'b'.repeat(1000), 'c'),
    bundle(...Array.from({ length: 256 }, () => 'x')),
  ],
  judge(input) {
    const read = WIDTHS.filter((width) => {
      const { entries, end, fault } = readBundle(input, width);
      expect(end <= input.length, 'it ends behind the input');
      expect(
        sameBytes(encodeBundle(entries.map((leaf) => ({ leaf }))), input.subarray(0, end)),
        'it is written otherwise',
      );
      expect(
        (fault === undefined) === (entries.length === width && end === input.length),
        'the fault is not one, or none',
      );
      const prefix = readBundle(input, width, true);
      expect(
        prefix.end === end && (fault !== undefined || prefix.fault === undefined),
        'a prefix of it is read otherwise',
      );
      return fault === undefined;
    });
    expect(read.length <= 1, 'it has two widths');
    return read.length === 1 ? 'accepted' : 'refused';
  },
};

export const targets: readonly FuzzTarget[] = [tilePaths, bundles];
