import { type FuzzTarget, parsed } from './target.ts';

/* Parsers that are wrong on purpose: the harness must see each of them. */

class Closed extends Error {
  readonly code = 'refused';
}

const seeds = [Buffer.from('a good input of some length')];
const refusing = (input: Uint8Array): void => {
  if (input[0] !== 0x61) throw new Closed();
};
const kept: Uint8Array[] = [];

function planted(name: string, fault: (input: Uint8Array) => void): FuzzTarget {
  return {
    name,
    kind: 'bytes',
    seeds,
    judge: (input) =>
      parsed(
        () => refusing(input),
        [Closed],
        () => fault(input),
      ),
  };
}

/** Nothing is wrong with it. */
const fine = planted('fine', () => undefined);

/** What an unchecked index throws. */
const typeError = planted('type-error', (input) => {
  if (input.length % 7 === 3) (undefined as unknown as { length: number }).length.toFixed();
});

const slow = planted('slow', (input) => {
  if (input.length % 7 !== 3) return;
  const { user } = process.threadCpuUsage();
  while (process.threadCpuUsage().user - user < 80_000);
});

const endless = planted('endless', (input) => {
  while (input.length % 7 === 3);
});

const leaking = planted('leaking', () => {
  kept.push(new Uint8Array(64 * 1024).fill(1));
});

const pickySeeds: FuzzTarget = { ...fine, name: 'refuses-its-seed', seeds: [Buffer.from('b')] };

export const targets: readonly FuzzTarget[] = [fine, typeError, slow, endless, leaking, pickySeeds];
