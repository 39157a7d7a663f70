import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { LogError } from '../src/core/errors.ts';
import type { Mark, MarkStore } from '../src/core/ports.ts';
import type { S3Place } from '../src/export/s3-requests.ts';
import { openS3Store } from '../src/export/s3-store.ts';
import { fileMark } from '../src/mark/file-mark.ts';
import { formatMark } from '../src/mark/mark-text.ts';
import { bothMarks, s3Mark } from '../src/mark/s3-mark.ts';
import { md5Tag, s3Double, type S3Double, type S3Fault } from './support/export-s3-double.ts';

const KEY = 'ab'.repeat(32);
const NAME = 'mark-test';

let s3: S3Double;
before(async () => {
  s3 = await s3Double();
});
after(async () => {
  await s3.close();
  assert.deepEqual(s3.unconditional, []);
});

let prefixes = 0;
const newPlace = (): S3Place => ({
  bucket: 'bucket',
  prefix: `marks-${prefixes++}/`,
  region: 'us-east-1',
  endpoint: s3.endpoint,
  credentials: { accessKeyId: 'A', secretAccessKey: 'B' },
});
const never = new AbortController().signal;
const patience = { connectMs: 2000, answerMs: 500, pausesMs: [0] };
const open = (place: S3Place, key = KEY): MarkStore =>
  s3Mark({
    name: NAME,
    key,
    open: () => openS3Store(place, { pause: () => Promise.resolve(), ended: never, nowMs: () => 0, patience }),
  });

/** Root of the tree of that size: one tree unless `tree` says otherwise. */
const mark = (size: number, tree = 0): Mark => ({ size, root: new Uint8Array(32).fill(size % 251).fill(tree, 0, 1) });
const anything = (): Promise<void> => Promise.resolve();
const keyOf = (place: S3Place): string => `bucket/${place.prefix}${NAME}`;
const standing = (place: S3Place): string | undefined => s3.objects.get(keyOf(place))?.bytes.toString();

/** Only requests of the mark itself; the storage is asked about conditions before. */
function strike(place: S3Place, nth: number, fault: S3Fault): void {
  let seen = 0;
  s3.fault = ({ key }) => (key === keyOf(place) && seen++ === nth ? fault : undefined);
}

test('it survives, is never lowered, and tells two trees of one size apart', async () => {
  const place = newPlace();
  const one = open(place);
  assert.equal(await one.read(), undefined);
  assert.deepEqual(await one.advance(mark(5), anything), mark(5));
  assert.deepEqual(await one.advance(mark(3), anything), mark(5));
  const again = await open(place).read();
  assert.deepEqual([again?.size, Buffer.from(again?.root ?? [])], [5, Buffer.from(mark(5).root)]);
  assert.deepEqual(await one.advance(mark(5), anything), mark(5));
  await assert.rejects(one.advance(mark(5, 9), anything), { code: 'halted' });
  await assert.rejects(open(place).advance(mark(5, 9), anything), { code: 'halted' });
  assert.equal(standing(place), formatMark(mark(5), KEY));
});

test('every lower mark of others is looked into before it is left behind, and what that throws leaves it standing', async () => {
  const place = newPlace();
  await open(place).advance(mark(5), anything);
  const refused = new LogError('halted', 'no');
  const other = open(place);
  await assert.rejects(
    other.advance(mark(8), async (lower) => {
      assert.deepEqual([lower.size, Buffer.from(lower.root)], [5, Buffer.from(mark(5).root)]);
      throw refused;
    }),
    refused,
  );
  assert.equal(standing(place), formatMark(mark(5), KEY));
  // One that came up between reading and writing, too.
  await other.read();
  await open(place).advance(mark(6), anything);
  const asked: number[] = [];
  await other.advance(mark(8), async ({ size }) => void asked.push(size));
  assert.deepEqual(asked, [5, 6]);
  assert.equal(standing(place), formatMark(mark(8), KEY));
});

test('16 writers at once: the highest stands, it never went back, and everybody is told what stood', async () => {
  for (let race = 0; race < 5; race++) {
    const place = newPlace();
    const writers = Array.from({ length: 16 }, () => open(place));
    const shown: number[] = [];
    const set = s3.objects.set.bind(s3.objects);
    s3.objects.set = (key, object) => {
      if (key === keyOf(place)) shown.push(Number(object.bytes.toString().split('\n')[2]));
      return set(key, object);
    };
    const lower: number[] = [];
    const results = await Promise.all(
      writers.map((writer, i) =>
        writer.advance(mark(((i * 7 + race) % 16) + 1), async ({ size }) => void lower.push(size)),
      ),
    );
    s3.objects.set = set;
    results.forEach(({ size }, i) => assert.ok(size >= ((i * 7 + race) % 16) + 1));
    assert.equal(shown.at(-1), 16);
    assert.deepEqual(
      shown,
      shown.toSorted((a, b) => a - b),
    );
    // Whatever was replaced had been looked into by who replaced it.
    for (const size of shown.slice(0, -1)) assert.ok(lower.includes(size), String(size));
  }
});

test('every request failing, done or not, once or for good: what stands is what is told, and the next one goes on', async () => {
  const answers = [500, 503, 409, 'cut', 'silent'] as const;
  for (const answer of answers) {
    for (const done of [false, true]) {
      // The first attempt, and both of them: then the outcome is not known.
      for (const times of [1, 2]) {
        const told = `${answer} ${done} ${times}`;
        const place = newPlace();
        const one = open(place);
        await one.advance(mark(5), anything);
        let struck = 0;
        s3.fault = ({ key, method }) =>
          key === keyOf(place) && method === 'PUT' && struck++ < times ? { answer, done } : undefined;
        const advanced = await one.advance(mark(6), anything).catch((error: unknown) => error);
        s3.fault = () => undefined;
        if (advanced instanceof Error) {
          assert.equal((advanced as LogError).code, 'unavailable', told);
          assert.equal(times, 2, told);
        } else assert.deepEqual((advanced as Mark).size, 6, told);
        assert.equal(standing(place), formatMark(mark(times === 2 && !done ? 5 : 6), KEY), told);
        assert.equal((await one.advance(mark(7), anything)).size, 7, told);
        assert.equal(standing(place), formatMark(mark(7), KEY), told);
        await assert.rejects(one.advance(mark(7, 9), anything), { code: 'halted' }, told);
      }
      if (answer === 'silent') break;
    }
  }
});

test('a read that fails is said to have failed; it is never taken for no mark', async () => {
  const place = newPlace();
  await open(place).advance(mark(5), anything);
  const one = open(place);
  s3.fault = ({ key }) => (key === keyOf(place) ? { answer: 500, done: false } : undefined);
  await assert.rejects(one.read(), { code: 'unavailable' });
  await assert.rejects(one.advance(mark(6), anything), { code: 'unavailable' });
  s3.fault = ({ key }) => (key === keyOf(place) ? { answer: 403, done: false } : undefined);
  await assert.rejects(one.read(), { code: 'unavailable' });
  s3.fault = () => undefined;
  assert.equal((await one.read())?.size, 5);
  strike(place, 0, { answer: 'cut', done: false });
  assert.equal((await one.advance(mark(6), anything)).size, 6);
  s3.fault = () => undefined;
});

test('a mark that is damaged, of another key, gone, or lower than it was stops instead of being ignored', async () => {
  const place = newPlace();
  const one = open(place);
  await one.advance(mark(5), anything);
  await assert.rejects(open(place, 'cd'.repeat(32)).read(), { code: 'halted' });
  await one.advance(mark(6), anything);
  const put = (text: string): void => {
    const bytes = Buffer.from(text);
    s3.objects.set(keyOf(place), { bytes, etag: md5Tag(bytes), contentType: undefined, cacheControl: undefined });
  };
  for (const text of ['', 'sigstead-mark-v1\n', formatMark(mark(5), KEY), formatMark(mark(6, 9), KEY)]) {
    put(text);
    await assert.rejects(one.read(), { code: 'halted' }, text);
    await assert.rejects(one.advance(mark(7), anything), { code: 'halted' }, text);
  }
  s3.objects.delete(keyOf(place));
  await assert.rejects(one.read(), { code: 'halted' });
  await assert.rejects(one.advance(mark(7), anything), { code: 'halted' });
  assert.equal(standing(place), undefined);
});

test('a storage that ignores conditions holds no mark', async () => {
  const careless = await s3Double();
  careless.ignores.add('if-match');
  await assert.rejects(open({ ...newPlace(), endpoint: careless.endpoint }).read(), { code: 'unavailable' });
  await careless.close();
});

test('a file and a bucket together: either is enough to notice, a lost one is made again', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-mark-'));
  const file = (name: string): MarkStore => fileMark({ file: path.join(folder, name), key: KEY });
  const place = newPlace();
  const both = bothMarks(file('a'), open(place));
  assert.equal(await both.read(), undefined);
  await both.advance(mark(5), anything);
  // Another machine: its folder is empty, or older.
  const elsewhere = bothMarks(file('b'), open(place));
  assert.equal((await elsewhere.read())?.size, 5);
  await elsewhere.advance(mark(6), anything);
  assert.equal((await file('b').read())?.size, 6);
  assert.equal((await both.read())?.size, 6);
  assert.equal((await both.advance(mark(5), anything)).size, 6);
  await assert.rejects(bothMarks(file('c'), open(place)).advance(mark(6, 9), anything), { code: 'halted' });
  const asked: number[] = [];
  await both.advance(mark(8), async ({ size }) => void asked.push(size));
  assert.deepEqual(asked, [5, 6]);
  await rm(folder, { recursive: true });
});
