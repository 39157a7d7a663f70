import { type ExportObject, type ObjectStore, ObjectStoreError, sameBytes } from './object-store.ts';
import { openS3Requests, type S3Options, type S3Patience, type S3Place, type S3Requests } from './s3-requests.ts';
import { TagReader } from './s3-tags.ts';

export const EXPORT_PATIENCE: S3Patience = { connectMs: 5_000, answerMs: 20_000, pausesMs: [100, 500] };

/** A gateway publishes an object within milliseconds; what it has not done after this, it was ended in the middle of. */
const HALF_WRITTEN_MS = 10_000;

/** For the first question to a storage: does it honour conditions? */
const PROBE = '.sigstead-conditions';
const NO_SUCH_TAG = '"00000000000000000000000000000000"';

/** Objects removed at once. */
const PARALLEL = 4;

/**
 * S3-compatible storage. Every write has a condition, and the storage's own compare decides: a write whose answer was lost
 * is repeated under the same condition, which is then refused because the first one was done, and what stands there is read
 * back and compared. Throws `unsafe` when the storage ignores conditions. SPEC: RFC 9110 §13.1
 */
export async function openS3Store(
  place: S3Place,
  options: Omit<S3Options, 'patience'> & { nowMs: () => number; patience?: S3Patience },
): Promise<ObjectStore> {
  const { pause, ended, patience = EXPORT_PATIENCE } = options;
  const requests = await openS3Requests(place, { pause, ended, patience });
  const tags = new TagReader({ nowMs: options.nowMs, patienceMs: HALF_WRITTEN_MS });
  try {
    await checkConditions(requests, tags);
    return s3Store(requests, tags);
  } catch (error) {
    requests.close();
    throw error;
  }
}

type Standing = { what: 'same' | 'different'; tag: string } | { what: 'absent' };

function s3Store(requests: S3Requests, tags: TagReader): ObjectStore {
  const write: S3Requests['put'] = async (name, object, condition) => {
    const tag = await requests.put(name, object, condition);
    if (tag !== undefined) tags.learn(object.bytes, tag);
    return tag;
  };

  async function readBack(name: string, bytes: Uint8Array): Promise<Standing> {
    try {
      const there = await requests.get(name, bytes.length);
      if (there === undefined) return { what: 'absent' };
      return { what: sameBytes(there.bytes, bytes) ? 'same' : 'different', tag: there.tag };
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.code !== 'too_large') throw error;
      return { what: 'different', tag: '' };
    }
  }

  /** What a gateway left half written when it was ended: its tag stands there already, and is the tag of these bytes. */
  async function finish(name: string, object: ExportObject): Promise<string | undefined> {
    const expected = tags.expected(object.bytes);
    return expected === undefined ? undefined : write(name, object, { IfMatch: expected });
  }

  return {
    async createOnly(name, object) {
      if ((await write(name, object, { IfNoneMatch: '*' })) !== undefined) return 'created';
      const { what } = await readBack(name, object.bytes);
      if (what !== 'absent') return what;
      if ((await finish(name, object)) !== undefined) return 'created';
      throw new ObjectStoreError('unavailable', `${name} comes and goes`);
    },
    async replaceIf(name, object, previous) {
      const condition = previous === undefined ? { IfNoneMatch: '*' } : { IfMatch: previous };
      const tag = await write(name, object, condition);
      if (tag !== undefined) return { tag };
      const there = await readBack(name, object.bytes);
      if (there.what === 'same') return { tag: tags.expected(object.bytes) ?? there.tag };
      if (there.what === 'absent' || there.tag === tags.expected(object.bytes)) {
        const finished = await finish(name, object);
        if (finished !== undefined) return { tag: finished };
      }
      if (there.what === 'different' || previous !== undefined) return 'lost';
      throw new ObjectStoreError('unavailable', `${name} comes and goes`);
    },
    async get(name, maxBytes) {
      const found = await requests.get(name, maxBytes);
      return found === undefined ? undefined : { ...found, tag: tags.read(name, found.bytes, found.tag) };
    },
    async removeFolder(folder) {
      const names = await requests.list(`${folder}/`);
      for (let begin = 0; begin < names.length; begin += PARALLEL) {
        await Promise.all(names.slice(begin, begin + PARALLEL).map((name) => requests.remove(name)));
      }
      return names.length;
    },
    tidy: () => Promise.resolve(),
    close: () => Promise.resolve(requests.close()),
  };
}

/** A storage that ignores conditions would let a slow process put back an older checkpoint. */
async function checkConditions(requests: S3Requests, tags: TagReader): Promise<void> {
  const probe = { bytes: Buffer.from('conditions\n'), contentType: 'text/plain', cacheControl: 'no-store' };
  const tag = await requests.put(PROBE, probe, { IfNoneMatch: '*' });
  const there = tag === undefined ? await requests.get(PROBE, 1000) : { bytes: probe.bytes, tag };
  if (there !== undefined) tags.learn(there.bytes, there.tag);
  for (const condition of [{ IfNoneMatch: '*' }, { IfMatch: NO_SUCH_TAG }]) {
    if ((await requests.put(PROBE, probe, condition)) === undefined) continue;
    const named = Object.keys(condition).join();
    throw new ObjectStoreError('unsafe', `the storage ignores conditions (${named}): it cannot hold an export`);
  }
}
