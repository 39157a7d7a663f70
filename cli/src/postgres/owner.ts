import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { EmbeddedPostgresError } from './errors.ts';

/**
 * Who uses the data folder: the node process that started PostgreSQL in it. The file gives a second instance its plain
 * answer at once, and tells a live owner from one that was killed, whose PostgreSQL is still going away. Safety does
 * not rest on it: PostgreSQL's own lock file does not let two servers onto one cluster.
 */
interface Owner {
  pid: number;
  /** Tells this process from a later one with the same pid; null where the system does not say. */
  started: string | null;
}

const MAX_ATTEMPTS = 5;

/** Takes the folder. @returns what gives it back. @throws {EmbeddedPostgresError} `data_in_use` */
export async function claim(path: string, folder: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, started: await startOf(process.pid) } satisfies Owner);
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, mine, { mode: 0o644 });
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (await linked(draft, path)) return () => release(path, mine);
      const found = await readFile(path, 'utf8').catch(() => undefined);
      if (found === undefined) continue;
      const owner = parseOwner(found);
      if (owner !== undefined && (await isAlive(owner))) throw inUse(folder, owner.pid);
      await discard(path, found);
    }
  } finally {
    await rm(draft, { force: true });
  }
  throw inUse(folder, undefined);
}

export function inUse(folder: string, pid: number | undefined): EmbeddedPostgresError {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  const message = `${folder} is in use by ${who}: stop it first, or choose another folder with --data`;
  return new EmbeddedPostgresError('data_in_use', message);
}

/** link() fails when the name is taken: exactly one of many starters succeeds. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead owner's file away, and puts it back if it was another one that a faster starter had just made. */
async function discard(path: string, judged: string): Promise<void> {
  const away = `${path}.${randomUUID()}`;
  const moved = await rename(path, away).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await readFile(away, 'utf8')) !== judged) await linked(away, path);
  await rm(away, { force: true });
}

async function release(path: string, mine: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === mine) await rm(path, { force: true });
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === 'number' && pid > 0 ? { pid, started: started ?? null } : undefined;
  } catch {
    // A file cut short by a full disk or a crash names nobody.
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (!processExists(owner.pid)) return false;
  const started = await startOf(owner.pid);
  return started === null || owner.started === null || started === owner.started;
}

/** Whether a process runs. One that has ended but was not collected by its parent does not. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

/** SPEC: proc_pid_stat(5), field 3. False where the system does not say. */
function isZombie(pid: number): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[ZX]/.test(line.slice(line.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Boot and start tick of a process. SPEC: proc_pid_stat(5), field 22, counted after the name in parentheses. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const [boot, line] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    const tick = line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
    return tick === undefined ? null : `${boot.trim()} ${tick}`;
  } catch {
    return null;
  }
}
