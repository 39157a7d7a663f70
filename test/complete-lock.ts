/** `npm run lock`: adds the entries of other platforms that npm left out of package-lock.json. Run after every `npm install` that changed it. */
import { writeFile } from 'node:fs/promises';
import { LOCK_FILE, missingEntries, platformEntry, readLockFile } from './support/check/lock-file.ts';

const lock = await readLockFile();
const missing = missingEntries(lock);
for (const wanted of missing) {
  const entry = platformEntry(wanted);
  if (entry === undefined)
    throw new Error(`the name of ${wanted.name} ${wanted.version} does not tell its platform; add its entry by hand`);
  lock.packages[`node_modules/${wanted.name}`] = entry;
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
await writeFile(LOCK_FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${missing.length} entries added`);
