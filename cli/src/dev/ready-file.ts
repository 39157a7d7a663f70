import { mkdir, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Failure, messageOf } from '../failure.ts';
import { writeFileAtomically } from '../files.ts';

/** What `--ready-file` holds. Members are only ever added. */
export interface ReadyReport {
  readonly url: string;
  readonly metrics: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Path of the initial TUF root, and its SHA-256 in hex. */
  readonly tufRoot: string;
  readonly tufRootSha256: string;
  readonly tufUrl: string;
  readonly issuer: string;
  readonly addresses: readonly string[];
  /** HOST:PORT of the Rekor log over gRPC, where that was asked for. */
  readonly grpc?: string;
}

/** A file that exists only while what it tells of is ready. */
export interface ReadyFile<T extends object = ReadyReport> {
  write(report: T): Promise<void>;
  remove(): Promise<void>;
}

/** Removes what an earlier run left: whoever waits for the file must not meet that one. Throws a Failure. */
export async function prepareReadyFile<T extends object = ReadyReport>(path: string): Promise<ReadyFile<T>> {
  const file = resolve(path);
  const guarded = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      throw new Failure(`cannot write the ready file ${file}: ${messageOf(error)}`, { cause: error });
    }
  };
  await guarded(async () => {
    await mkdir(dirname(file), { recursive: true });
    await rm(file, { force: true });
  });
  return {
    write: (report) => guarded(() => writeFileAtomically(file, `${JSON.stringify(report, null, 2)}\n`, 0o644)),
    remove: () => guarded(() => rm(file, { force: true })),
  };
}
