import type { TrustedLog, TrustModel } from '@sigstead/formats';
import type { LogFile, ServeFile } from '../config/sections.ts';
import type { Materials } from './materials.ts';

/** One step of a rotation, beyond what is published already. */
export type ShardStep =
  | { readonly kind: 'publish'; readonly name: string; readonly startMs: number }
  | { readonly kind: 'switch'; readonly name: string }
  | { readonly kind: 'end'; readonly name: string; readonly endMs: number };

/** What the trust material says of one Rekor v2 log of the configuration. */
export interface ShardPhase {
  /** In the trusted root. */
  readonly listed: boolean;
  /** In the signing config. */
  readonly sign: boolean;
  /** Where the publication has fixed them. */
  readonly startMs?: number;
  readonly endMs?: number;
}

export interface ShardInput {
  readonly file: ServeFile;
  readonly materials: Materials;
  /** What is published now, if anything is. */
  readonly published?: TrustModel | undefined;
  readonly step?: ShardStep;
}

/**
 * How far the rotation of each log has come. What is published is the only memory of that: so every machine that has the same logs in
 * its configuration derives the same, at every start and however old its copy is, and a step is done exactly when its publication is.
 * A log that follows another one is therefore in no document until `publish` has put it there, and signs nothing until `switch`.
 */
export function shardPhases({ file, materials, published, step }: ShardInput): Map<string, ShardPhase> {
  const logs = file.logs.filter(({ kind }) => kind === 'rekor-v2');
  const entryOf = (log: LogFile): TrustedLog | undefined => publishedLog(published, spkiOf(materials, log));
  const isSigning = (log: LogFile): boolean => {
    if (step?.kind === 'switch' && step.name === log.name) return true;
    return isSigningLog(published, entryOf(log));
  };
  const phaseOf = (log: LogFile): ShardPhase => {
    const entry = entryOf(log);
    const publishedNow = step?.kind === 'publish' && step.name === log.name ? step : undefined;
    const listed = log.follows === undefined || entry !== undefined || publishedNow !== undefined;
    const isTurn = log.follows === undefined || isSigning(log);
    const endMs = step?.kind === 'end' && step.name === log.name ? step.endMs : entry?.validFor.endMs;
    const startMs = log.follows === undefined ? undefined : (entry?.validFor.startMs ?? publishedNow?.startMs);
    const isOver = endMs !== undefined || followersOf(logs, log).some(isSigning);
    return {
      listed,
      sign: listed && isTurn && !isOver && !log.readOnly,
      ...(startMs === undefined ? {} : { startMs }),
      ...(endMs === undefined ? {} : { endMs }),
    };
  };
  return new Map(logs.map((log) => [log.name, phaseOf(log)]));
}

/** The entry of a Rekor v2 log in a model, by its key. */
export function publishedLog(model: TrustModel | undefined, spki: Uint8Array): TrustedLog | undefined {
  return model?.tlogs.find((log) => log.kind === 'rekor-v2' && Buffer.compare(log.spki, spki) === 0);
}

/** Whether new signatures should go to the log of this entry. */
export function isSigningLog(model: TrustModel | undefined, entry: TrustedLog | undefined): boolean {
  return entry !== undefined && model?.signing.rekor.some(({ url }) => url === entry.baseUrl) === true;
}

/** The log that follows, the one after that, and so on. */
function followersOf(logs: readonly LogFile[], { name }: LogFile): LogFile[] {
  const next = logs.find(({ follows }) => follows === name);
  return next === undefined ? [] : [next, ...followersOf(logs, next)];
}

function spkiOf(materials: Materials, { name }: LogFile): Uint8Array {
  return materials.logs.get(name)?.signer.spki ?? new Uint8Array();
}
