import { createHash } from 'node:crypto';
import { buildSigningConfig, buildTrustedRoot, type TrustModel } from '@sigstead/formats';
import { TufError } from './errors.ts';
import { legacyTargets } from './legacy-targets.ts';
import type { SigstoreCustom, TargetEntry } from './metadata.ts';

/** A file that clients download, with what the targets role says about it. */
export interface TargetFile {
  name: string;
  bytes: Uint8Array;
  sha256: Uint8Array;
  custom?: SigstoreCustom;
}

/** No `/`, no `%`, no space, no leading dot: the same text in metadata, URL, cache and file system of every client. */
const TARGET_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const MAX_TARGET_BYTES = 5_000_000;

/** Every file of a model at `nowMs`, sorted by name. Throws TrustError where the model breaks a rule, TufError for a bad name or size. */
export function targetFiles(model: TrustModel, nowMs: number): TargetFile[] {
  const trustedRoot = buildTrustedRoot(model);
  const files = [
    targetFile('trusted_root.json', documentBytes(trustedRoot)),
    targetFile('signing_config.v0.2.json', documentBytes(buildSigningConfig(model, { nowMs }))),
    ...legacyTargets(model, nowMs).map(({ name, text, custom }) => targetFile(name, Buffer.from(text), custom)),
  ];
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One file, named and hashed. Throws `target_name`, `lint`. */
export function targetFile(name: string, bytes: Uint8Array, custom?: SigstoreCustom): TargetFile {
  if (!TARGET_NAME.test(name)) throw new TufError('target_name', `target name ${JSON.stringify(name)}`);
  if (bytes.length === 0 || bytes.length > MAX_TARGET_BYTES)
    throw new TufError('lint', `target ${name} has ${bytes.length} bytes`);
  const sha256 = createHash('sha256').update(bytes).digest();
  return { name, bytes, sha256, ...(custom ? { custom } : {}) };
}

/** What the targets role says about the files, by name. */
export function targetEntries(files: readonly TargetFile[]): Record<string, TargetEntry> {
  const entries: [string, TargetEntry][] = files.map(({ name, bytes, sha256, custom }) => [
    name,
    {
      length: bytes.length,
      hashes: { sha256: Buffer.from(sha256).toString('hex') },
      ...(custom ? { custom: { sigstore: custom } } : {}),
    },
  ]);
  return Object.fromEntries(entries);
}

/** The same model gives the same bytes, so that nothing is published anew without a change. */
export function documentBytes(document: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
