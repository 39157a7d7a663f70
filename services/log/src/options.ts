import type { Signer } from '@sigstead/keys';
import type { Clock, Logger, Metrics } from '@sigstead/platform';
import type { AdmissionRules } from './core/ct/rules.ts';
import type { LogKind } from './core/ports.ts';
import type { ClientSigningAlgorithm } from './core/rekor-v2/entry.ts';
import type { FurtherSigner } from './core/rekor-v2/note-signers.ts';
import type { QueueLimits } from './engine/queue.ts';
import type { S3Place } from './export/s3-requests.ts';
import type { ExportTarget } from './open-export.ts';
import type { WitnessSpec } from './open-witness.ts';
import type { Duplicates } from './rekor-v2/create-entry.ts';
import type { RootSource } from './roots/source.ts';
import type { ScrubLimits } from './scrub/scrub.ts';
import type { SessionLimits } from './store/session.ts';
import type { Fetch } from './witness/question.ts';

/** One log. Name, origin, kind and key make it what it is: none may change once it exists. */
export interface LogSpec {
  /** Unique in the database; in paths of CT logs. Lower-case letters, digits, `-`, `.`, `_`. */
  name: string;
  /** The checkpoint's first line and signature name: host name of the log, without scheme, port or path. */
  origin: string;
  kind: LogKind;
  signer: Signer;
  /** rekor-v2: further signers of every checkpoint, their lines below that of `signer`, in this order. They may change at any time. */
  alsoSign?: readonly FurtherSigner[];
  /** ct: DER certificates that chains must lead to. */
  acceptedRoots?: readonly Uint8Array[];
  /** ct: places that say of more of them, followed while the log runs. */
  rootSources?: readonly RootSource[];
  /** ct: SHA-256, lower-case hex, of certificates that are never roots, whoever says so. */
  rejectedRoots?: readonly string[];
  /** ct: what it takes beside what RFC 6962 asks of a chain. */
  admission?: AdmissionRules;
  /**
   * ct: every entry and SCT names its own index, and the log can be read as static-ct-api too. Clients older than that
   * refuse such SCTs. Fixed when the log is created. Default false.
   */
  leafIndex?: boolean;
  /**
   * rekor-v2: paths below which the log is, `api/v2/…`, `checkpoint` and `tile/`, default `''`; for several logs behind one
   * listener. ct: prefixes of `/ct/v1/`, default `/ct/<name>`.
   */
  basePaths?: readonly string[];
  /** Creates the log when there is none of that name; otherwise that stops the start. Default false. */
  create?: boolean;
  /** This process serves, but takes no entries and signs nothing. Default false. For all processes: changeState(). */
  readOnly?: boolean;
  /** This process shows nothing of it to anybody: it is opened to be looked at, or changed. Default false. */
  hidden?: boolean;
  /**
   * High-water mark outside the database, on another volume: what was answered is remembered there, and a database
   * that was set back is found out. A mark on the database's own volume goes back with it.
   */
  markFile?: string;
  /** The same in S3-compatible storage, instead of the file or beside it: for machines that share no folder. */
  markPlace?: S3Place;
  /**
   * Makes the mark of a log that has entries and none yet, if it has at least so many: else that stops the start. Only for
   * somebody who knows the number from elsewhere; see the runbook of read-only logs.
   */
  newMark?: { atLeast: number };
  /** rekor-v2: what is answered to what is in the log already. Default `original`: 201, with the entry as it is. */
  duplicates?: Duplicates;
  /** rekor-v2: whether DSSE requests with one signature are logged, as hashedrekord. Default true. */
  dsse?: boolean;
  /** rekor-v2: the algorithms of entries that are taken, of those in CLIENT_SIGNING_ALGORITHMS. Default all. */
  clientSigningAlgorithms?: readonly ClientSigningAlgorithm[];
  /** rekor-v2: stores what entries are found by with them, and answers searches. Default true. */
  search?: boolean;
  /** rekor-v2: copies every published tree to a place that serves the read path without this process. */
  export?: ExportTarget;
  /** rekor-v2: checkpoints are shown once witnesses have cosigned them; answers about entries wait for that. */
  witness?: WitnessSpec;
}

export interface LogOptions {
  connectionString: string;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  logs: readonly LogSpec[];
  /** Also serves `/healthz`; default false, for processes in which somebody else does. */
  health?: boolean;
  /**
   * Derives the logs again from what is stored, over and over; of several processes with the same logs one does it. What
   * it finds stops the log. Default: nothing is scrubbed.
   */
  scrub?: ScrubLimits;
  /** Connections that readers share; beside them there are 4, and each log has two of its own. Default 8. */
  readConnections?: number;
  /** Refuses to start on a server whose settings can lose an acknowledged commit; default false: an error in the log. */
  requireDurableDatabase?: boolean;
  queue?: QueueLimits;
  /** How witnesses are asked. Default: fetch. */
  fetch?: Fetch;
  sessions?: SessionLimits;
  /** Bytes of tiles and of entries kept in memory, each, per log. Default 32 MiB. */
  cacheBytes?: number;
  /**
   * How old, in milliseconds, the knowledge of other processes' heads may be when a checkpoint or tree head is served.
   * Default 500. 0 where several processes answer at one address: each looks before it answers, so that what is shown
   * there never goes back. While the database is silent, each shows what it has.
   */
  checkpointAgeMs?: number;
}
