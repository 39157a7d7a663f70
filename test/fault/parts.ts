import { flood, pauses, snapshot, soak } from './parts-endure.ts';
import { crew, killCycles, life, restarts, schedules, standby } from './parts-kill.ts';

/** One part of the run, by its option. Prints what it found, ready for docs/faults.md; false when something contradicts. */
export interface Part {
  /** How often, or how many minutes. */
  readonly amount: number;
  readonly unit: string;
  /** About how long the default takes on two cores that nobody else uses. */
  readonly takes: string;
  run(amount: number, seed: number): Promise<boolean>;
}

/** In the order in which they run. */
export const PARTS: Readonly<Record<string, Part>> = {
  cycles: { amount: 200, unit: 'kill cycles', takes: '4 min', run: killCycles },
  restarts: { amount: 12, unit: 'restarts of PostgreSQL', takes: '1 min', run: restarts },
  schedules: { amount: 100, unit: 'schedules', takes: '12 min', run: schedules },
  pauses: { amount: 4, unit: 'pauses of 60 s', takes: '5 min', run: pauses },
  crew: { amount: 30, unit: 'kills in `sigstead serve --workers 4`', takes: '1 min', run: crew },
  standby: { amount: 5, unit: 'fail-overs to a synchronous standby', takes: '2 min', run: standby },
  life: { amount: 20, unit: 'times wrong data under `sigstead serve`, each of four kinds', takes: '8 min', run: life },
  flood: { amount: 1, unit: 'floods', takes: '1.5 min', run: flood },
  snapshot: { amount: 10, unit: 'minutes with a snapshot held open', takes: '11 min', run: snapshot },
  soak: { amount: 10, unit: 'minutes of soak', takes: '11 min', run: soak },
};
