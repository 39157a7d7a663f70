import { open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { linkUnlessTaken, syncFolder } from '@sigstead/platform';
import type { TimeFloor } from '@sigstead/tsa';

/** What a token's stated accuracy allows between two processes that read the clock at the same time. */
const TOLERANCE_SEC = 1;

/**
 * A TimeFloor that all workers of one machine share: a file `<file>.<seconds since 1970>`, never rewritten. Each is synced
 * under another name and linked into place, lower ones are removed afterwards; so whatever dies at whatever point, the
 * highest name is the highest time that a token of any worker may carry. A raise is refused while another worker has
 * gone further: then the clock was set back, and nothing is issued.
 */
export async function openSharedTimeFloor({ file, slot }: { file: string; slot: number }): Promise<TimeFloor> {
  const folder = dirname(file);
  const prefix = `${basename(file)}.`;
  // One process at a time has a slot; what an earlier one left under the name is overwritten.
  const scratch = join(folder, `.${prefix}${slot}`);
  const seconds = async (): Promise<number[]> =>
    (await readdir(folder))
      .filter((name) => name.startsWith(prefix) && /^(?:0|[1-9]\d{0,11})$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .sort((a, b) => b - a);
  const startSec = (await seconds())[0];
  let storedSec = startSec ?? Number.NEGATIVE_INFINITY;
  return {
    startSec,
    async raise(sec) {
      if (sec <= storedSec) return;
      const [highest] = await seconds();
      if (highest !== undefined && highest - sec > TOLERANCE_SEC) {
        throw new Error(`another worker has stamped ${highest - sec} s later than this clock: correct the clock`);
      }
      if (highest === undefined || highest < sec)
        await store({ folder, scratch, place: join(folder, `${prefix}${sec}`) });
      storedSec = sec;
      const lower = (await seconds()).filter((each) => each < Math.max(sec, highest ?? sec));
      await Promise.all(lower.map((each) => rm(join(folder, `${prefix}${each}`), { force: true })));
    },
  };
}

/** On return the name is durable, also when another worker was faster. */
async function store(at: { folder: string; scratch: string; place: string }): Promise<void> {
  const handle = await open(at.scratch, 'w', 0o600);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await linkUnlessTaken(at.scratch, at.place);
  await syncFolder(at.folder);
}
