/** `npm run test:fuzz`: hostile inputs for every parser of the log, as many as are wanted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type Campaign, findingLines, Fuzzer } from './campaign.ts';
import { corpus } from './corpus.ts';
import { type FuzzOptions, HELP, readOptions } from './options.ts';
import { allTargets, targetFiles } from './targets.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const HTTP = 'http';
const HTTP_SUITE = 'test/e2e/hostile.long.test.ts';
const HTTP_INPUTS = 10_000;
const WITHOUT_ONE = 1_000_000;

async function main(): Promise<number> {
  let options: FuzzOptions | 'help';
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`test:fuzz: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const files = targetFiles();
  const known = [...(await allTargets(files)).keys()];
  if (options.list) {
    for (const name of [...known, HTTP]) console.log(name);
    return 0;
  }
  const wanted = options.parsers.length === 0 ? known : options.parsers;
  const unknown = wanted.find((name) => name !== HTTP && !known.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`test:fuzz: there is no parser ${unknown}; --list prints their names\n`);
    return 2;
  }
  return (await runAll(wanted, files, options)) === 0 ? 0 : 1;
}

/** Returns how many had a finding. */
async function runAll(names: readonly string[], files: readonly string[], options: FuzzOptions): Promise<number> {
  console.log(`seed ${options.seed}, ${options.inputs.toLocaleString('en-US')} inputs for each parser\n${HEADER}`);
  const cases = corpus();
  let failed = 0;
  for (const target of names) {
    if (target === HTTP) {
      failed += (await overHttp(options)) ? 0 : 1;
      continue;
    }
    // A new thread for each: what one leaves in memory is not the next one's.
    await using fuzzer = new Fuzzer(files);
    const own = cases.filter(({ parser }) => parser === target).map(({ bytes }) => bytes);
    const { inputs, seed, first } = options;
    const campaign = await fuzzer.run({ target, inputs, seed, corpus: own, ...(first === undefined ? {} : { first }) });
    console.log(line(campaign));
    for (const finding of findingLines(campaign)) console.log(finding);
    failed += campaign.findings.length > 0 ? 1 : 0;
  }
  console.log(`${names.length - failed} passed, ${failed} failed`);
  return failed;
}

const HEADER = [
  'parser'.padEnd(24),
  'inputs',
  'accepted',
  'us each',
  'slowest ms',
  'rss MiB',
  'at most',
  'seconds',
].join('\t');

function line({ target, inputs, accepted, seconds, slowestMs, memory }: Campaign): string {
  const each = ((seconds * 1e6) / inputs).toFixed(1);
  const cells = [
    inputs,
    accepted,
    each,
    slowestMs.toFixed(1),
    memory.rss.toFixed(0),
    memory.rssMost.toFixed(0),
    seconds.toFixed(1),
  ];
  return [target.padEnd(24), ...cells].join('\t');
}

/** The suite that sends requests to a running instance, with these numbers. */
async function overHttp({ inputs, seed }: FuzzOptions): Promise<boolean> {
  const env = {
    ...process.env,
    SIGSTEAD_FUZZ_SEED: String(seed),
    SIGSTEAD_FUZZ_INPUTS: String(inputs === WITHOUT_ONE ? HTTP_INPUTS : inputs),
  };
  const child = spawn(process.execPath, ['--test', HTTP_SUITE], { cwd: ROOT, env, stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0;
}

process.exitCode = await main();
