/**
 * `npm run test:fault [-- --only PART,…] [--PART N] [--seed S]`: processes and the database die, stand still or are asked too
 * much under load; what was answered is compared with what is there. Exit code 0 when nothing contradicts.
 */
import { parseArgs } from 'node:util';
import { PARTS } from './parts.ts';

const amounts = Object.fromEntries(Object.keys(PARTS).map((name) => [name, { type: 'string' as const }]));
const { values } = parseArgs({
  options: { ...amounts, only: { type: 'string' }, seed: { type: 'string' }, list: { type: 'boolean' } },
});
const given = values as Record<string, string | boolean | undefined>;
if (given['list'] === true) {
  for (const [name, { amount, unit, takes }] of Object.entries(PARTS)) {
    console.log(`--${name.padEnd(10)} ${String(amount).padStart(4)} ${unit} (${takes})`);
  }
} else {
  process.exitCode = (await runParts()) ? 0 : 1;
}

async function runParts(): Promise<boolean> {
  const seed = wholeOf('seed') ?? Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const startMs = performance.now();
  let sound = true;
  for (const name of chosen()) {
    const part = PARTS[name];
    const amount = wholeOf(name) ?? part?.amount ?? 0;
    if (part === undefined || amount === 0) continue;
    console.log(`\n${amount} ${part.unit}`);
    const partMs = performance.now();
    const isSound = await part.run(amount, seed);
    console.log(`${name}: ${isSound ? 'sound' : 'NOT SOUND'}, ${sinceMs(partMs)} s`);
    sound = isSound && sound;
  }
  console.log(`\nwhole run ${sinceMs(startMs)} s: ${sound ? 'sound' : 'NOT SOUND'}`);
  return sound;
}

function chosen(): string[] {
  const only = given['only'];
  if (typeof only !== 'string') return Object.keys(PARTS);
  const names = only.split(',');
  const unknown = names.find((name) => !(name in PARTS));
  if (unknown !== undefined) throw new Error(`no part ${unknown}; there is ${Object.keys(PARTS).join(', ')}`);
  return names;
}

function wholeOf(option: string): number | undefined {
  const text = given[option];
  if (typeof text !== 'string') return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
}

function sinceMs(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(0);
}
