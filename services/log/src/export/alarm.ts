/**
 * Why an export has stopped for good. Each is sticky until somebody has looked and started the process again.
 *
 * - `different_object`      a tile or bundle of ours stands in the target with other bytes
 * - `larger_checkpoint`     the target has a checkpoint signed by this log that is larger than the log
 * - `forked_checkpoint`     the target has a checkpoint signed by this log over another tree
 * - `foreign_checkpoint`    the checkpoint in the target is not signed by this log
 * - `damaged_source`        what the database gives is not what the signed head says; it was not exported
 * - `unsafe_target`         the storage does not honour conditions, so nothing in it would be safe
 */
export type ExportAlarmCode =
  | 'different_object'
  | 'larger_checkpoint'
  | 'forked_checkpoint'
  | 'foreign_checkpoint'
  | 'damaged_source'
  | 'unsafe_target';

/** What the log's own signature, or its own tile under its own name, says against it: then it must not sign on. */
const AGAINST_THE_LOG: ReadonlySet<ExportAlarmCode> = new Set([
  'different_object',
  'larger_checkpoint',
  'forked_checkpoint',
]);

export class ExportAlarm extends Error {
  override readonly name = 'ExportAlarm';
  readonly code: ExportAlarmCode;

  constructor(code: ExportAlarmCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }

  /** Whether the log must be read-only. What anybody could have written into the target does not do that. */
  get stopsTheLog(): boolean {
    return AGAINST_THE_LOG.has(this.code);
  }
}
