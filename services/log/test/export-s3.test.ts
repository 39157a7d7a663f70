import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ExportObject, ObjectStore } from '../src/export/object-store.ts';
import { Rounds } from '../src/export/round.ts';
import type { S3Place } from '../src/export/s3-requests.ts';
import { openS3Store } from '../src/export/s3-store.ts';
import { expectedResources, memoryLog } from './support/export-double.ts';
import { md5Tag, s3Double, type S3Double, type S3Fault } from './support/export-s3-double.ts';

let s3: S3Double;
before(async () => {
  s3 = await s3Double();
});
after(async () => {
  await s3.close();
  assert.deepEqual(s3.unconditional, []);
});

let prefixes = 0;
const credentials = { accessKeyId: 'A', secretAccessKey: 'B' };
const placeOf = (double: S3Double): S3Place => ({
  bucket: 'bucket',
  prefix: `log-${prefixes++}/`,
  region: 'us-east-1',
  endpoint: double.endpoint,
  credentials,
});
const never = new AbortController().signal;
const pause = (): Promise<void> => Promise.resolve();
let nowMs = 0;
const options = { pause, ended: never, nowMs: () => nowMs };
const object = (text: string): ExportObject => ({
  bytes: Buffer.from(text),
  contentType: 'application/octet-stream',
  cacheControl: 'public, max-age=60',
});

async function withStore(
  use: (store: ObjectStore, place: S3Place, keyOf: (name: string) => string) => Promise<void>,
): Promise<void> {
  const place = placeOf(s3);
  const store = await openS3Store(place, options);
  try {
    await use(store, place, (name) => `bucket/${place.prefix}${name}`);
  } finally {
    s3.fault = () => undefined;
    await store.close();
  }
}

test('created once and never changed, with the headers it is to be served with', () =>
  withStore(async (store, _place, keyOf) => {
    assert.equal(await store.createOnly('tile/0/000.p/1', object('one')), 'created');
    assert.equal(await store.createOnly('tile/0/000.p/1', object('one')), 'same');
    for (const other of ['two', 'one and more', '']) {
      assert.equal(await store.createOnly('tile/0/000.p/1', object(other)), 'different');
    }
    const { bytes, contentType, cacheControl } = s3.objects.get(keyOf('tile/0/000.p/1'))!;
    assert.deepEqual(
      [bytes.toString(), contentType, cacheControl],
      ['one', 'application/octet-stream', 'public, max-age=60'],
    );
    assert.equal(await store.get('tile/0/001', 10), undefined);
    await assert.rejects(store.get('tile/0/000.p/1', 2), { code: 'too_large' });
    assert.equal(Buffer.from((await store.get('tile/0/000.p/1', 3))!.bytes).toString(), 'one');
  }));

test('replaced only over what was read', () =>
  withStore(async (store, _place, keyOf) => {
    assert.equal(await store.replaceIf('checkpoint', object('a'), '"0123"'), 'lost');
    const a = await store.replaceIf('checkpoint', object('a'), undefined);
    assert.deepEqual(await store.replaceIf('checkpoint', object('a'), undefined), a);
    assert.equal(await store.replaceIf('checkpoint', object('b'), undefined), 'lost');
    const { tag } = (await store.get('checkpoint', 10))!;
    assert.notEqual(await store.replaceIf('checkpoint', object('b'), tag), 'lost');
    assert.equal(await store.replaceIf('checkpoint', object('c'), tag), 'lost');
    assert.equal(s3.objects.get(keyOf('checkpoint'))!.bytes.toString(), 'b');
  }));

const FAULTS: S3Fault[] = ([500, 503, 408, 409, 429, 'cut'] as const).flatMap((answer) => [
  { answer, done: false },
  { answer, done: true },
]);

test('every request failing once, done or not: the operation still ends in the truth', async () => {
  for (const fault of FAULTS) {
    for (const nth of [1, 2]) {
      await withStore(async (store, _place, keyOf) => {
        const told = `${fault.answer} ${fault.done} ${nth}`;
        const strike = (): void => {
          const first = s3.requests.length;
          s3.fault = ({ number }) => (number - first === nth ? fault : undefined);
        };
        strike();
        const created = await store.createOnly('tile/0/000', object('one'));
        // The answer to the first attempt was lost: what stands there is ours, and said to be the same.
        assert.equal(created, nth === 1 && fault.done ? 'same' : 'created', told);
        strike();
        assert.equal(await store.createOnly('tile/0/000', object('two')), 'different', told);
        strike();
        assert.notEqual(await store.replaceIf('checkpoint', object('a'), undefined), 'lost', told);
        const { tag } = (await store.get('checkpoint', 10))!;
        strike();
        assert.notEqual(await store.replaceIf('checkpoint', object('b'), tag), 'lost', told);
        strike();
        assert.equal(await store.replaceIf('checkpoint', object('c'), tag), 'lost', told);
        strike();
        assert.equal(Buffer.from((await store.get('checkpoint', 10))!.bytes).toString(), 'b', told);
        assert.equal(s3.objects.get(keyOf('tile/0/000'))!.bytes.toString(), 'one');
      });
    }
  }
});

test('attempts are few: what keeps failing is unavailable, and a refusal is not repeated', () =>
  withStore(async (store) => {
    for (const [answer, attempts] of [
      [500, 3],
      [409, 3],
      ['cut', 3],
      [403, 1],
    ] as const) {
      for (const operation of [
        () => store.createOnly('tile/0/000', object('one')),
        () => store.replaceIf('checkpoint', object('one'), undefined),
        () => store.get('checkpoint', 10),
      ]) {
        const first = s3.requests.length;
        s3.fault = () => ({ answer, done: false });
        await assert.rejects(operation(), { code: 'unavailable' });
        assert.equal(s3.requests.length - first, attempts, String(answer));
      }
    }
  }));

test('a storage that ignores conditions is refused before anything is exported to it', async () => {
  for (const ignored of ['if-match', 'if-none-match'] as const) {
    const careless = await s3Double();
    careless.ignores.add(ignored);
    await assert.rejects(openS3Store(placeOf(careless), options), { code: 'unsafe' });
    assert.equal(careless.objects.size, 1);
    await careless.close();
  }
});

test('a storage that is away or refuses is unavailable, not unsafe', async () => {
  const gone = await s3Double();
  const place = placeOf(gone);
  gone.fault = () => ({ answer: 403, done: false });
  await assert.rejects(openS3Store(place, options), { code: 'unavailable' });
  await gone.close();
  await assert.rejects(openS3Store(place, options), { code: 'unavailable' });
});

test('16 writers over one tag: exactly one wins, 20 times', () =>
  withStore(async (store, place) => {
    const others = await Promise.all(Array.from({ length: 15 }, () => openS3Store(place, options)));
    let tag: string | undefined;
    for (let race = 0; race < 20; race++) {
      const results = await Promise.all(
        [store, ...others].map((each, i) => each.replaceIf('checkpoint', object(`${race}-${i}`), tag)),
      );
      const won = results.filter((result) => result !== 'lost');
      assert.equal(won.length, 1);
      tag = won[0]?.tag;
    }
    await Promise.all(others.map((other) => other.close()));
  }));

/** A gateway that has stored the tag of a write, and not yet its bytes. */
const halfWrite = (key: string, text: string): void => void s3.tagsAhead.set(key, md5Tag(Buffer.from(text)));

/** The write goes on. */
const finishWrite = (key: string, text: string): void => {
  const bytes = Buffer.from(text);
  s3.tagsAhead.delete(key);
  s3.objects.set(key, { bytes, etag: md5Tag(bytes), contentType: undefined, cacheControl: undefined });
};

test('bytes that came with the tag of a write under way cannot bring something older back when it is done', () =>
  withStore(async (store, _place, keyOf) => {
    const key = keyOf('checkpoint');
    await store.replaceIf('checkpoint', object('1'), undefined);
    halfWrite(key, '3');
    const read = (await store.get('checkpoint', 10))!;
    assert.equal(Buffer.from(read.bytes).toString(), '1');
    assert.equal(await store.replaceIf('checkpoint', object('2'), read.tag), 'lost');
    finishWrite(key, '3');
    assert.equal(await store.replaceIf('checkpoint', object('2'), read.tag), 'lost');
    assert.equal(s3.objects.get(key)!.bytes.toString(), '3');
  }));

test('a write that a gateway was killed in the middle of is finished by whoever repeats it, or taken for what it is later', () =>
  withStore(async (store, _place, keyOf) => {
    const key = keyOf('checkpoint');
    const read = async (): Promise<string> => (await store.get('checkpoint', 10))!.tag;
    await store.replaceIf('checkpoint', object('1'), undefined);
    halfWrite(key, '2');
    assert.notEqual(await store.replaceIf('checkpoint', object('2'), await read()), 'lost');
    assert.equal(s3.objects.get(key)!.bytes.toString(), '2');
    halfWrite(key, '3');
    assert.equal(await store.replaceIf('checkpoint', object('4'), await read()), 'lost');
    nowMs += 9_999;
    assert.equal(await store.replaceIf('checkpoint', object('4'), await read()), 'lost');
    nowMs += 1;
    assert.notEqual(await store.replaceIf('checkpoint', object('4'), await read()), 'lost');
    assert.equal(s3.objects.get(key)!.bytes.toString(), '4');
    for (const [name, text] of [
      ['tile/0/000', 'ours'],
      ['checkpoint-2', 'ours'],
    ] as const) {
      halfWrite(keyOf(name), text);
      await assert.rejects(store.createOnly(name, object('other')), { code: 'unavailable' });
      assert.equal(await store.createOnly(name, object(text)), 'created');
      assert.equal(s3.objects.get(keyOf(name))!.bytes.toString(), text);
    }
  }));

test('where tags are no MD5 they are taken as they come', async () => {
  const other = await s3Double();
  other.tagOf = (bytes) => `"CRC-${Buffer.from(bytes).toString('hex')}"`;
  const place = placeOf(other);
  const store = await openS3Store(place, options);
  await store.replaceIf('checkpoint', object('1'), undefined);
  const { tag } = (await store.get('checkpoint', 10))!;
  assert.equal(tag, '"CRC-31"');
  assert.notEqual(await store.replaceIf('checkpoint', object('2'), tag), 'lost');
  assert.equal(await store.replaceIf('checkpoint', object('3'), tag), 'lost');
  await store.close();
  await other.close();
});

test('a folder is removed, what stands beside it is not; the same again removes nothing', () =>
  withStore(async (store, _place, keyOf) => {
    for (const name of ['tile/0/000', 'tile/0/000.p/1', 'tile/0/000.p/200', 'tile/0/000.px', 'tile/0/001.p/1']) {
      await store.createOnly(name, object(name));
    }
    assert.equal(await store.removeFolder('tile/0/000.p'), 2);
    assert.equal(await store.removeFolder('tile/0/000.p'), 0);
    for (const name of ['tile/0/000', 'tile/0/000.px', 'tile/0/001.p/1']) assert.ok(s3.objects.has(keyOf(name)));
    assert.ok(!s3.objects.has(keyOf('tile/0/000.p/1')));
  }));

test('the end of the exporter ends a request that is never answered', async () => {
  const ended = new AbortController();
  const store = await openS3Store(placeOf(s3), { ...options, ended: ended.signal });
  const arrived = new Promise<void>((resolve) => {
    s3.fault = () => {
      resolve();
      return { answer: 'silent', done: false };
    };
  });
  const waiting = assert.rejects(store.createOnly('tile/0/000', object('one')), { code: 'unavailable' });
  await arrived;
  ended.abort();
  await waiting;
  await store.close();
  s3.fault = () => undefined;
});

test('a whole log in a bucket, every sixth request failing: what stands there is what the tree must have', () =>
  withStore(async (store, place) => {
    const log = await memoryLog();
    const kinds = FAULTS;
    const first = s3.requests.length;
    s3.fault = ({ number }) => ((number - first) % 6 === 5 ? kinds[(number * 7) % kinds.length] : undefined);
    const rounds = new Rounds({
      source: log.source,
      target: store,
      onObject: () => undefined,
      isClosing: () => false,
    });
    for (const size of [0, 1, 255, 256, 257, 1000]) {
      if (size > 0) await log.grow(size);
      assert.equal(await rounds.round(), 'exported');
      for (const [name, bytes] of expectedResources(size, log.leaf)) {
        assert.deepEqual(s3.objects.get(`bucket/${place.prefix}${name}`)?.bytes, bytes, name);
      }
      const checkpoint = s3.objects.get(`bucket/${place.prefix}checkpoint`);
      assert.deepEqual(checkpoint?.bytes, Buffer.from(log.states.at(-1)!.head.note));
      assert.equal(checkpoint.cacheControl, 'no-cache');
    }
  }));
