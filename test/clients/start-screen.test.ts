import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { sharedInstance } from '../instance/index.ts';
import { isThere } from './cache.ts';
import { needs, plainEnvironment, temporaryFolder } from './environment.ts';
import { runOk } from './process.ts';
import type { Tool } from './tool.ts';
import { cosign, sigstorePython } from './tools.ts';

const instance = await sharedInstance();
const screen = await instance.printed('Ctrl-C stops it');

/** The lines below a heading, up to the next empty line, as a person would select them. */
function linesBelow(heading: string): string[] {
  const lines = screen.split('\n').map((line) => line.trim());
  const start = lines.findIndex((line) => line.startsWith(`# ${heading}`));
  assert.ok(start >= 0, `the start screen has a heading ${heading}:\n${screen}`);
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end);
}

function printedLinesWork(heading: string, count: number, ...tools: readonly Tool[]): void {
  test(`the lines that the start screen prints for ${heading} work as they are`, needs(...tools), async () => {
    const home = await temporaryFolder();
    const lines = linesBelow(heading);
    assert.equal(lines.length, count);
    const env = plainEnvironment(home, ...tools);
    // Each line in a shell of its own: nothing is carried from one to the next but files.
    for (const line of ['echo hello > hello.txt', ...lines]) await runOk('sh', ['-c', line], { env, cwd: home });
    for (const own of ['.sigstore', '.local', '.cache']) {
      assert.equal(await isThere(`${home}/${own}`), false, `${own} of the user is not touched`);
    }
  });
}

test('the start screen names the URL, and the TUF root with its SHA-256 and its path', async () => {
  const { url, tufRoot, tufRootSha256 } = instance.ready;
  for (const text of [url, tufRoot, tufRootSha256]) assert.ok(screen.includes(text), text);
  assert.equal(
    createHash('sha256')
      .update(await readFile(tufRoot))
      .digest('hex'),
    tufRootSha256,
  );
  assert.ok(tufRoot.includes(tufRootSha256.slice(0, 16)), 'the folder of the caches is named after the root');
});

printedLinesWork('cosign', 2, cosign);
printedLinesWork('sigstore-python', 3, sigstorePython);
printedLinesWork('sigstore-js', 2);
