/**
 * A process that shares a folder with others. `count N`: raises the number in `checkpoint` N times by compare and swap and
 * prints each number it has set. `hold`: takes the lock, says so and keeps it until it is killed.
 */
import path from 'node:path';
import { directoryStore, PRIVATE_FOLDER } from '../../src/export/directory-store.ts';
import { fileLock } from '../../src/export/file-lock.ts';
import { systemFiles } from '../../src/export/files.ts';

const [folder = '', mode, times] = process.argv.slice(2);
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const lock = await fileLock({ file: path.join(folder, PRIVATE_FOLDER, 'lock'), pause, attempts: 100_000 });

if (mode === 'hold') {
  await lock(async () => {
    process.stdout.write('held\n');
    for (;;) await pause(60_000);
  });
}

const store = directoryStore({ folder, files: systemFiles, lock });
for (let done = 0; done < Number(times); ) {
  const there = await store.get('checkpoint', 1000);
  const next = Number.parseInt(Buffer.from(there?.bytes ?? []).toString(), 10) + 1;
  // Of its own, because whoever finds the bytes it wanted to write has succeeded.
  const object = { bytes: Buffer.from(`${next} by ${process.pid}`), contentType: '', cacheControl: '' };
  if ((await store.replaceIf('checkpoint', object, there?.tag)) === 'lost') continue;
  process.stdout.write(`${next}\n`);
  done += 1;
}
