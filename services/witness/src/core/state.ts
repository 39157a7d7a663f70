import { FormatError, parseSignedCheckpoint } from '@sigstead/formats';
import type { Cosigner } from './cosigner.ts';
import { Outage } from './errors.ts';
import { EMPTY, type Head, sameHead } from './judge.ts';
import type { Mark, StoredState } from './ports.ts';

/** A checkpoint that we cosigned, as it is kept. */
export interface Cosigned {
  /** the log's lines and ours, the answer to monitors */
  readonly note: string;
  readonly head: Head;
  /** of our cosignature */
  readonly timestampSec: number;
}

/** What a witness knows of one log. */
export interface LogState {
  readonly latest: Cosigned | undefined;
  /** older ones, of other sizes, oldest first: a log that shows another tree of such a size has forked */
  readonly earlier: readonly Cosigned[];
}

/** How many are remembered besides the latest. */
export const MAX_EARLIER = 64;

/** Of the latest cosigned checkpoint; the empty tree before the first. */
export function headOf({ latest }: LogState): Head {
  return latest?.head ?? EMPTY;
}

/** A kept note, believed because our own cosignature under it verifies; undefined when it is anything else. */
export function readCosigned(note: string, origin: string, cosigner: Cosigner): Cosigned | undefined {
  try {
    const { checkpoint, note: parsed } = parseSignedCheckpoint(note);
    const own = cosigner.find(parsed);
    if (own === undefined || checkpoint.origin !== origin) return undefined;
    return { note, head: { size: checkpoint.size, root: checkpoint.root }, timestampSec: own.timestampSec };
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function halted(reason: string): Outage {
  return new Outage('halted', reason);
}

/**
 * The state that files hold. Whatever contradicts itself is refused and never guessed at: to go on from an older
 * checkpoint could cosign a second tree. Throws Outage `halted`.
 */
export function readState(stored: StoredState, origin: string, cosigner: Cosigner): LogState {
  const earlier = stored.earlier.flatMap((note) => readCosigned(note, origin, cosigner) ?? []);
  if (stored.latest === undefined) {
    if (stored.hasCosigned || earlier.length > 0) throw halted('the latest checkpoint is gone');
    refuseBelow(stored.mark, undefined);
    return { latest: undefined, earlier };
  }
  const latest = readCosigned(stored.latest, origin, cosigner);
  if (latest === undefined) throw halted('the latest checkpoint is damaged: our own cosignature does not verify');
  for (const each of earlier) {
    const isAhead = each.head.size > latest.head.size || each.timestampSec > latest.timestampSec;
    if (isAhead || (each.head.size === latest.head.size && !sameHead(each.head, latest.head))) {
      throw halted(`the latest checkpoint (size ${latest.head.size}) was set back: ${each.head.size} was cosigned`);
    }
  }
  refuseBelow(stored.mark, latest);
  return { latest, earlier: earlier.filter(({ head }) => head.size < latest.head.size) };
}

function refuseBelow(mark: Mark | undefined, latest: Cosigned | undefined): void {
  if (mark === undefined) return;
  const isBehind = latest === undefined || latest.head.size < mark.size || latest.timestampSec < mark.timestampSec;
  if (isBehind || (latest.head.size === mark.size && !sameHead(latest.head, mark))) {
    const size = latest?.head.size ?? 'none';
    throw halted(`the state (size ${size}) was set back or changed: the mark says that ${mark.size} was cosigned`);
  }
}

/** The state after one more cosignature. Another one of the same tree takes the place of the one before. */
export function advanced(state: LogState, next: Cosigned): LogState {
  const { latest, earlier } = state;
  if (latest === undefined || latest.head.size === next.head.size) return { latest: next, earlier };
  return { latest: next, earlier: [...earlier, latest].slice(-MAX_EARLIER) };
}

/** What we have cosigned that has this head's size and another root: both cannot be of one log. */
export function contradicted({ latest, earlier }: LogState, head: Head): Cosigned | undefined {
  return [latest, ...earlier].find(
    (each) => each !== undefined && each.head.size === head.size && !sameHead(each.head, head),
  );
}

/** Whether a head with our own valid cosignature is one that this state does not know: then the state was set back. */
export function isUnknownOwn(state: LogState, head: Head, timestampSec: number): boolean {
  const { latest } = state;
  if (latest === undefined || head.size > latest.head.size) return true;
  if (contradicted(state, head) !== undefined) return true;
  return timestampSec > latest.timestampSec;
}
