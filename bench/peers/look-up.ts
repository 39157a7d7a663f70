import { setTimeout as wait } from 'node:timers/promises';
import { entryBundlePath, TILE_WIDTH, tileWidth } from '@sigstead/merkle';
import type { Target } from '../log/connection.ts';
import { entryOf } from '../log/reader.ts';

/** A checkpoint is signed every second. */
const PUBLISHED_MS = 10_000;

/** From our database, by the bench's own route. */
export async function leafOfOurs(target: Target, index: number): Promise<Buffer> {
  return get(target, `/leaf/${index}`);
}

/** From the entry bundle that the published checkpoint covers. SPEC: C2SP tlog-tiles */
export async function leafOfTessera(target: Target, index: number): Promise<Buffer> {
  for (const untilMs = performance.now() + PUBLISHED_MS; performance.now() < untilMs; await wait(100)) {
    const size = Number((await get(target, '/checkpoint')).toString('utf8').split('\n')[1]);
    if (index >= size) continue;
    const bundle = Math.floor(index / TILE_WIDTH);
    const width = tileWidth({ level: 0, index: bundle }, size);
    const bytes = await get(target, `/${entryBundlePath({ index: bundle, width })}`);
    return entryOf(bytes, index % TILE_WIDTH);
  }
  throw new Error(`no checkpoint covers index ${index}`);
}

async function get({ host, port }: Target, path: string): Promise<Buffer> {
  const answer = await fetch(`http://${host}:${port}${path}`);
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
