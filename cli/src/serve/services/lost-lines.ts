import type { TrustModel } from '@sigstead/formats';
import { Failure } from '../../failure.ts';
import type { ServeConfig } from '../config/load.ts';
import type { Materials } from './materials.ts';
import { isSigningLog, publishedLog, shardPhases } from './shards.ts';

/**
 * What is published shows when a copy of the configuration is older than that, or has lost a line that keeps a log out of the trust
 * material: nothing is derived from such a copy. Throws a Failure.
 */
export function refuseLostLines(config: ServeConfig, materials: Materials, published: TrustModel | undefined): void {
  if (published === undefined) return;
  refuseForgotten(config, materials, published);
  refuseEarlierStart(config, materials, published);
  refuseUnfollowing(config, materials, published);
}

/**
 * The publisher refuses a model that lacks a published log; here it is said what is wrong with this copy of the configuration: most
 * likely a rotation on another machine has published a log that it does not have yet.
 */
function refuseForgotten({ file, path }: ServeConfig, materials: Materials, published: TrustModel): void {
  const known = [
    ...file.logs.map(({ name }) => materials.logs.get(name)?.signer.spki),
    ...materials.alsoTrust.rekorLogs,
  ].map((spki) => Buffer.from(spki ?? []).toString('hex'));
  const forgotten = published.tlogs.find(({ spki }) => !known.includes(Buffer.from(spki).toString('hex')));
  if (forgotten === undefined) return;
  throw new Failure(
    `tuf: the published trust root names the log at ${forgotten.baseUrl}, whose key is nowhere in ${path}: when sigstead log rotate has made it, copy its section and key file from the machine where that was done; when it is served no longer, name it in tuf.alsoTrust.rekorLogs`,
  );
}

/**
 * A log that was prepared and has lost its `follows` would be trusted and signed with at once, by clients that do not know its key; one
 * whose successor has lost it would be signed with again.
 */
function refuseUnfollowing({ file, path }: ServeConfig, materials: Materials, published: TrustModel): void {
  const phases = shardPhases({ file, materials, published });
  const signing = file.logs
    .filter(({ name }) => phases.get(name)?.sign === true)
    .map((log) => ({ ...log, entry: publishedLog(published, spkiOf(materials, log.name)) }));
  const used = signing.find(({ entry }) => isSigningLog(published, entry));
  const added = signing.find(
    ({ entry, follows, validFrom }) =>
      follows === undefined && validFrom === undefined && !isSigningLog(published, entry),
  );
  if (used === undefined || added === undefined) return;
  const { name, entry } = added;
  if (entry !== undefined) {
    throw new Failure(
      `tuf: log ${name} of ${path} is in the published signing config no longer, and would be signed with again, beside ${used.name}: when that one takes over from it, it says "follows: ${name}" until ${name} is frozen; when ${name} takes nothing more, mark it readOnly: true; when both are meant, say validFrom: ${iso(entry.validFor.startMs)} of it`,
    );
  }
  throw new Failure(
    `tuf: log ${name} of ${path} is not published yet, follows no log, and would be trusted and signed with at once, beside ${used.name}: when it is to take over, "follows: ${used.name}" keeps it out until sigstead log rotate publishes it; when both are meant, say its validFrom; when ${used.name} takes nothing more, mark that one readOnly: true`,
  );
}

/** Without `follows` a log counts from the start of everything: one that was published by a rotation began later. */
function refuseEarlierStart({ file, path }: ServeConfig, materials: Materials, published: TrustModel): void {
  const authorities = [...published.certificateAuthorities, ...published.timestampAuthorities];
  const earliestMs = Math.min(...authorities.map(({ validFor }) => validFor.startMs));
  for (const { kind, name, follows, validFrom } of file.logs) {
    const entry = kind === 'rekor-v2' ? publishedLog(published, spkiOf(materials, name)) : undefined;
    if (follows !== undefined || validFrom !== undefined || entry === undefined) continue;
    const { startMs } = entry.validFor;
    if (startMs <= earliestMs) continue;
    throw new Failure(
      `tuf: log ${name} of ${path} has neither follows nor validFrom, and is published with a start of its own: put its follows back; when the rotation that made it is over and the log before it is gone from logs, say validFrom: ${iso(startMs)}`,
    );
  }
}

function spkiOf(materials: Materials, name: string): Uint8Array {
  return materials.logs.get(name)?.signer.spki ?? new Uint8Array();
}

/** As the configuration writes it. */
function iso(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
