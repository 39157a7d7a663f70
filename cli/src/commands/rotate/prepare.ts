import { chown, realpath, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { buildTrustedRoot, TrustError } from '@sigstead/formats';
import { findListItem } from '@sigstead/platform';
import { Failure, messageOf } from '../../failure.ts';
import { writeFileAtomically } from '../../files.ts';
import { parseServeConfig, readServeConfig, type ServeConfig } from '../../serve/config/load.ts';
import { trustModelOf } from '../../serve/services/trust-model.ts';
import type { RotationGround } from './facts.ts';
import { newKey, type NewKey } from './key-file.ts';
import { type NewLog, newSection, type NewSection } from './lines.ts';

/**
 * Makes the key of the new log, and its section of the configuration: written into the file when `write` says so, else shown. What
 * the configuration would then be is checked whole before anything is made. May be repeated: a key that is there is kept. If we die
 * in between there is a key that nobody uses yet. Resolves with what to show. Throws a Failure.
 */
export async function prepare(ground: RotationGround, wanted: NewLog, write: boolean): Promise<string> {
  const { site, facts, materials } = ground;
  const { config } = site;
  const { old } = facts;
  refuseKnown(ground, wanted);
  const index = config.file.logs.findIndex(({ name }) => name === old.name);
  const item = findListItem(config.text, 'logs', index);
  const section = newSection(old, item?.value, wanted, config.file.logs);
  const algorithm = materials.logs.get(old.name)?.signer.algorithm ?? 'ecdsa-p256-sha256';
  const path = config.resolve(section.keyFile);
  const key = await newKey(path, algorithm, config.resolve(old.keyFile));
  const text = item?.insertBelow(section.lines);
  if (text !== undefined) checkResult(ground, text, wanted, key);
  else if (write)
    throw new Failure(`${config.path}: its logs are not written one below the other: add the lines by hand`);
  await key.save();
  if (write && text !== undefined) await writeConfiguration(config, text);
  return shown(ground, section, { wanted, path, isNew: key.isNew, isWritten: write });
}

/** Names and hosts are for ever, also those of logs that are in no configuration any more. */
function refuseKnown({ rows, facts, site }: RotationGround, { name, url }: NewLog): void {
  const { hostname } = new URL(url);
  if (site.config.file.logs.some((log) => log.name === name)) {
    throw new Failure(`${site.config.path}: logs has one named ${name} already: choose another name with --to`);
  }
  const row = rows.find((each) => each.name === name);
  if (row !== undefined) {
    throw new Failure(
      `the database has a log ${name} already (${row.origin}): copy the configuration of the machine where it was made, or choose another name with --to`,
    );
  }
  const other = rows.find((each) => each.kind === 'rekor-v2' && each.origin === hostname);
  if (other === undefined) return;
  const own = other.name === facts.old.name ? 'the log that ends' : `log ${other.name}`;
  throw new Failure(`--url: ${hostname} is the origin of ${own}: each shard has a host name of its own`);
}

/** Throws a Failure when the configuration would not be accepted, or clients would not take its trust material. */
function checkResult({ site, materials, facts }: RotationGround, text: string, { name }: NewLog, key: NewKey): void {
  const { file, path } = site.config;
  const next = parseServeConfig(text, path).file;
  const rest = { ...next, logs: next.logs.filter((log) => log.name !== name) };
  if (next.logs.length !== file.logs.length + 1 || !isDeepStrictEqual(rest, file)) {
    throw new Failure(`${path}: the lines cannot be put into it: add them by hand, without --write`);
  }
  for (const [other, { signer }] of materials.logs) {
    if (Buffer.compare(signer.spki, key.signer.spki) === 0)
      throw new Failure(`the key of ${name} is that of log ${other}`);
  }
  const oldFiles = materials.logs.get(facts.old.name);
  if (next.tuf === undefined || oldFiles === undefined) return;
  const own = { ...oldFiles, signer: key.signer, alsoSign: [] };
  const withKey = { ...materials, logs: new Map([...materials.logs, [name, own]]) };
  try {
    buildTrustedRoot(trustModelOf(next, withKey, { step: { kind: 'publish', name, startMs: Date.now() } }));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw new Failure(`the trust root with ${name} in it: ${error.message}`, { cause: error });
  }
}

/** Somebody may have changed the file meanwhile: then nothing is written. */
async function writeConfiguration({ path, text: before }: ServeConfig, text: string): Promise<void> {
  if ((await readServeConfig(path)).text !== before) {
    throw new Failure(`${path} was changed meanwhile: nothing was written; do it again`);
  }
  try {
    // A link stays one.
    const place = await realpath(path);
    const { mode, uid, gid } = await stat(place);
    await writeFileAtomically(place, text, mode & 0o777);
    if (process.getuid?.() === 0) await chown(place, uid, gid);
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

interface Made {
  readonly wanted: NewLog;
  readonly path: string;
  readonly isNew: boolean;
  readonly isWritten: boolean;
}

function shown({ site, facts }: RotationGround, section: NewSection, made: Made): string {
  const { lines, notes } = section;
  const where = made.isWritten
    ? `${site.config.path} now has, below ${facts.old.name}:`
    : `Put this into ${site.config.path}, in logs, below ${facts.old.name} (--write does it):`;
  return [
    `${made.isNew ? 'A new key is in' : 'Kept the key in'} ${made.path}`,
    where,
    '',
    ...lines.map((line, i) => `  ${i === 0 ? '- ' : '  '}${line}`),
    '',
    ...notes.map((note) => `Not taken over: ${note}`),
    '',
  ]
    .join('\n')
    .replace('\n\n\n', '\n\n');
}
