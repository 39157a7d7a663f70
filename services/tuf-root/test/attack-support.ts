import assert from 'node:assert/strict';
import { clientFrom, refreshClient, type RepositoryView } from '../src/core/client-check.ts';
import { parseEnvelope } from '../src/core/envelope.ts';
import { type RoleSigner, roleSigner } from '../src/core/keys.ts';
import type { RoleName, SignedOf } from '../src/core/metadata.ts';
import { type PublishedSet, viewOf } from '../src/core/published.ts';
import { TufError, type TufErrorCode } from '../src/index.ts';
import { composeInMemory, DAY_MS, newSigners, START_MS } from './support.ts';

export const NOW_MS = START_MS + 2 * DAY_MS;

export const refused = (code: TufErrorCode) => (error: unknown) =>
  error instanceof TufError && (error.code === code || assert.fail(`${error.code}: ${error.message}`));

/** A published set A, and the signers to forge from it: what a thief of keys, or a broken publisher, could present. */
export async function published() {
  const signers = newSigners();
  const { store, handle, clock } = await composeInMemory({ signers });
  clock.set(NOW_MS + DAY_MS);
  await handle.renewNow();
  const [first, second] = store.sets as [PublishedSet, PublishedSet];
  const byRole = Object.fromEntries(
    Object.entries(signers).map(([role, signer]) => [role, roleSigner(signer)]),
  ) as Record<RoleName, RoleSigner>;
  const client = refreshClient(clientFrom(first.roots[0]!.bytes), viewOf(second), NOW_MS);
  return { first, second, signers: byRole, client };
}

export const signedOf = <R extends RoleName>(set: PublishedSet, role: R): SignedOf[R] =>
  parseEnvelope(role === 'root' ? set.roots.at(-1)!.bytes : set[role as 'targets'].bytes, role).signed;

/** A repository in which some files are others. */
export function overlay(base: RepositoryView, files: Record<string, Uint8Array>): RepositoryView {
  return (path) => (Object.hasOwn(files, path) ? files[path] : base(path));
}
