import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Campaign, findingLines, Fuzzer } from './campaign.ts';
import { readOptions } from './options.ts';

const FILES = [join(import.meta.dirname, 'planted.fuzz-targets.ts')];
const ORDER = { inputs: 2000, seed: 7, corpus: [] };

describe('the fuzzer sees what it is there to see', () => {
  const fuzzer = new Fuzzer(FILES);
  after(() => fuzzer[Symbol.asyncDispose]());
  const run = (target: string, inputs = ORDER.inputs): Promise<Campaign> => fuzzer.run({ ...ORDER, target, inputs });

  it('a parser that only accepts and refuses has no finding', async () => {
    const { findings, inputs, accepted } = await run('fine');
    assert.deepEqual(findings, []);
    assert.equal(inputs, ORDER.inputs);
    assert.ok(accepted > 100 && accepted < ORDER.inputs);
  });

  it('an error that is none of the closed ones is a finding, and its number brings the same input back', async () => {
    const [finding] = (await run('type-error')).findings;
    assert.match(finding?.what ?? '', /TypeError/);
    const first = finding?.number ?? Number.NaN;
    const again = await fuzzer.run({ ...ORDER, target: 'type-error', inputs: 1, first });
    assert.equal(again.findings[0]?.input, finding?.input);
    assert.match(
      findingLines(again).join('\n'),
      new RegExp(`--parser type-error --seed 7 --first ${first} --inputs 1`),
    );
  });

  it('an input that takes too much CPU is a finding', async () => {
    const { findings } = await run('slow', 100);
    assert.match(findings[0]?.what ?? '', /ms of CPU for \d+ bytes/);
  });

  it('an input that never ends is a finding, and the next campaign runs', async () => {
    await using impatient = new Fuzzer(FILES, { hangMs: 2000 });
    const { findings } = await impatient.run({ ...ORDER, target: 'endless', inputs: 200 });
    assert.match(findings[0]?.what ?? '', /no end after/);
    assert.ok(findings[0]?.number !== undefined);
    assert.deepEqual((await impatient.run({ ...ORDER, target: 'fine', inputs: 100 })).findings, []);
  });

  it('memory that is kept is a finding', async () => {
    const { findings } = await run('leaking');
    assert.match(findings.map(({ what }) => what).join('\n'), /it keeps memory/);
  });

  it('a seed that is refused is a finding: the campaign would begin nowhere', async () => {
    const { findings } = await run('refuses-its-seed', 10);
    assert.match(findings[0]?.what ?? '', /a seed is refused/);
  });

  it('a parser that there is not is an error, no finding', async () => {
    await assert.rejects(run('nothing'), /there is no parser nothing/);
  });
});

describe('the command line of the fuzzer', () => {
  it('says what it was not given', () => {
    const options = readOptions([]);
    assert.ok(options !== 'help');
    assert.deepEqual([options.inputs, options.parsers, options.first, options.list], [1_000_000, [], undefined, false]);
  });

  for (const args of [
    ['--inputs', '0'],
    ['--inputs', '1e6'],
    ['--seed', '-1'],
    ['--seed', '4294967296'],
    ['--what'],
    ['x'],
  ]) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => readOptions(args));
    });
  }
});
