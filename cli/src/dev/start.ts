import { join } from 'node:path';
import { Closables } from '@sigstead/platform';
import type { ClientContext } from '../clients/settings.ts';
import type { DevFlags } from '../flags/dev.ts';
import { cacheDir, databaseUrl } from '../user-dirs.ts';
import { publishRoot, readyReport, screenInput } from './announcement.ts';
import { checkRunning } from './check-running.ts';
import { writeConfiguration } from './configuration.ts';
import { bindInstance, type Database, openDatabase } from './database.ts';
import { type Ground, type GroundIo, prepareGround } from './ground.ts';
import { type Instance, writeInstance } from './instance-file.ts';
import { prepareKeys } from './keys.ts';
import { CLIENTS, POSTGRES } from './layout.ts';
import { prepareMarks } from './marks.ts';
import { createProgress, type Progress } from './progress.ts';
import type { ReadyReport } from './ready-file.ts';
import type { ScreenInput } from './screen.ts';
import { startServices } from './services.ts';

export interface StartDevIo extends GroundIo {
  readonly version: string;
  readonly write: (text: string) => void;
  /** Words for the printed lines. */
  readonly programs: Pick<ClientContext, 'sigstead' | 'node' | 'jsExample'>;
}

/** A running instance that answers. */
export interface RunningDev {
  readonly screen: ScreenInput;
  readonly report: ReadyReport;
  /** Resolves if the embedded database ends by itself. */
  readonly lost: Promise<void>;
  readonly databaseLog: string;
  /** Writes the ready file. */
  announce(): Promise<void>;
  /** Answers what is under way, then closes everything. */
  close(): Promise<void>;
}

/** Thrown between two steps when the start was called off. */
class CalledOff extends Error {}

/**
 * Starts everything, in the order in which one thing needs another, and checks the result the way a client would.
 * Resolves with undefined when `signal` called it off; whatever was opened is then closed, as after a Failure.
 */
export async function startDev(flags: DevFlags, io: StartDevIo, signal: AbortSignal): Promise<RunningDev | undefined> {
  const open = new Closables();
  try {
    return await start(flags, io, { open, progress: stoppable(io, signal) });
  } catch (error) {
    // The first error says what went wrong; errors of closing after it would only hide it.
    await open.close().catch(() => undefined);
    if (error instanceof CalledOff) return undefined;
    throw error;
  }
}

function stoppable(io: StartDevIo, signal: AbortSignal): Progress {
  const progress = createProgress({ write: io.write, nowMs: () => performance.now() });
  return {
    note: (text) => progress.note(text),
    async step(what, run) {
      if (signal.aborted) throw new CalledOff();
      const result = await progress.step(what, run);
      if (signal.aborted) throw new CalledOff();
      return result;
    },
  };
}

interface Start {
  readonly open: Closables;
  readonly progress: Progress;
}

async function start(flags: DevFlags, io: StartDevIo, { open, progress }: Start): Promise<RunningDev> {
  const ground = await prepareGround(flags, io, open);
  io.write(`Sigstead ${io.version} starts in ${ground.folder.path} (development)\n`);
  const { database, instance } = await openBase(ground, io, { open, progress });
  const generated = await writeConfiguration(ground, database);
  const services = await startServices({
    ground,
    generated,
    version: io.version,
    createLogs: !instance.selfTested,
    open,
    progress,
    writeError: io.writeError,
  });
  const tested = await checkRunning({ ground, instance, services, progress });
  const root = await publishRoot(
    ground,
    services,
    flags.ephemeral ? join(ground.folder.path, CLIENTS) : cacheDir(io.user),
  );
  await writeInstance(ground.folder.path, tested);
  open.defer(() => ground.readyFile?.remove());
  const report = readyReport(ground, root, services.serving.addresses);
  return {
    report,
    screen: screenInput(io.programs, report, root),
    lost: database.lost,
    databaseLog: join(ground.folder.path, POSTGRES, 'postgres.log'),
    announce: async () => ground.readyFile?.write(report),
    close: () => open.close(),
  };
}

interface Base {
  readonly database: Database;
  readonly instance: Instance;
}

/** The database starts while the keys are made; then the two are tied together for good. */
async function openBase(ground: Ground, io: StartDevIo, { open, progress }: Start): Promise<Base> {
  const { logger, folder, instance } = ground;
  const opening = openDatabase({
    url: databaseUrl(io.user),
    folder: join(folder.path, POSTGRES),
    logger,
    onProgress: (what) => progress.note(what),
  });
  // Whatever happens first, a database that did start is closed.
  const opened = opening.catch(() => undefined);
  open.defer(async () => (await opened)?.close());
  await progress.step(instance.databaseBound ? 'loading keys' : 'making keys and certificates', () =>
    prepareKeys({ dataDir: folder.path, createdMs: instance.createdMs, mayMake: !instance.databaseBound }),
  );
  const reaching = databaseUrl(io.user) === undefined ? 'starting PostgreSQL' : 'reaching the database';
  const database = await progress.step(reaching, () => opening);
  await prepareMarks(folder.path);
  // The id is durable before the database takes it, and the database has it before any log is opened.
  if (!instance.databaseBound) await writeInstance(folder.path, instance);
  await bindInstance(database, instance, folder.path, logger);
  const bound: Instance = { ...instance, databaseBound: true, origin: ground.origin };
  if (!instance.databaseBound) await writeInstance(folder.path, bound);
  return { database, instance: bound };
}
