import type { ObjectStore } from './object-store.ts';
import { ObjectStoreError } from './object-store.ts';

/**
 * Which of several processes does a piece of work, so that it is not done several times. A hint and no more: two may believe
 * that they hold it, and what they do must be right all the same.
 */
export interface Lease {
  /**
   * Whether this process holds the lease of that name from here on. A holder that dies, or says nothing for some seconds, has
   * lost it. One name for each lease. Throws when it cannot be asked.
   */
  hold(name: string): Promise<boolean>;
  /** Lets another process have it. Never throws. */
  release(): Promise<void>;
  close(): Promise<void>;
}

const IDENTITY = '.export/id';
const HEADERS = { contentType: 'text/plain; charset=utf-8', cacheControl: 'no-store' };

/**
 * What tells a target from others: a text that stands in it. Its address would not do: a folder of the same path on two
 * machines is two targets, each of which somebody has to fill. `fresh` becomes the identity of a target without one.
 */
export async function identityOf(target: ObjectStore, fresh: string): Promise<string> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const there = await target.get(IDENTITY, 1000);
    if (there !== undefined) return Buffer.from(there.bytes).toString('latin1').trim();
    const bytes = Buffer.from(`${fresh}\n`);
    if ((await target.replaceIf(IDENTITY, { bytes, ...HEADERS }, undefined)) !== 'lost') return fresh;
  }
  throw new ObjectStoreError('unavailable', `${IDENTITY} comes and goes`);
}
