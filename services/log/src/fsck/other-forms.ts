import { entryBundlePath, HASH_SIZE, tilePath } from '@sigstead/merkle';
import { MAX_BUNDLE_BYTES, readBundle } from '../core/entry-bundle.ts';
import type { TreeCounts, TreeProblem } from './report.ts';
import { SourceError, type TreeSource } from './source.ts';

/** A tile or bundle that was checked, with the bytes that are right for its width. */
export interface CheckedForm {
  readonly kind: 'entries' | number;
  readonly index: number;
  readonly width: number;
  readonly bytes: Uint8Array;
}

const SLACK_BYTES = 8192;

/**
 * Where a source can list: every other stored form of a tile or bundle, the narrower ones that readers of earlier
 * checkpoints still ask for and wider ones a log has written ahead, must begin or end with what was checked.
 */
export async function checkOtherForms(
  source: TreeSource,
  checked: CheckedForm,
  counts: TreeCounts,
): Promise<TreeProblem[]> {
  if (source.forms === undefined) return [];
  const problems: TreeProblem[] = [];
  for (const width of await source.forms(pathOf(checked, 256))) {
    if (width === checked.width) continue;
    const problem = await checkForm(source, checked, width);
    counts.olderForms += 1;
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

async function checkForm(source: TreeSource, checked: CheckedForm, width: number): Promise<TreeProblem | undefined> {
  const resource = pathOf(checked, width);
  const bytes = await source.read(resource, MAX_BUNDLE_BYTES + SLACK_BYTES).catch((error: unknown) => {
    if (error instanceof SourceError && error.code === 'unreadable') return error;
    throw error;
  });
  if (bytes === undefined) return undefined;
  if (bytes instanceof SourceError) return { code: 'unreadable', resource, text: bytes.message };
  const isNarrower = width < checked.width;
  const expected = isNarrower ? checked.bytes.subarray(0, lengthOf(checked, width)) : checked.bytes;
  const found = isNarrower ? bytes : bytes.subarray(0, expected.length);
  if (Buffer.compare(expected, found) === 0) return undefined;
  const at = firstDifference(expected, found);
  const slot = slotAt(checked, at);
  const text = `${resource} differs from ${pathOf(checked, checked.width)} from byte ${at} on`;
  return { code: checked.kind === 'entries' ? 'entry' : 'tile', resource, slot, ...entryOf(checked, slot), text };
}

function pathOf({ kind, index }: CheckedForm, width: number): string {
  return kind === 'entries' ? entryBundlePath({ index, width }) : tilePath({ level: kind, index, width });
}

function lengthOf({ kind, bytes }: CheckedForm, width: number): number {
  return kind === 'entries' ? readBundle(bytes, width, true).end : width * HASH_SIZE;
}

function slotAt({ kind, bytes, width }: CheckedForm, at: number): number {
  if (kind !== 'entries') return Math.floor(at / HASH_SIZE);
  const before = readBundle(bytes.subarray(0, at), width, true).entries.length;
  return Math.min(before, width - 1);
}

function entryOf({ kind, index }: CheckedForm, slot: number): { entry?: number } {
  const level = kind === 'entries' ? 0 : kind;
  return { entry: (index * 256 + slot) * 256 ** level };
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}
