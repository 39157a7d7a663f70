import assert from 'node:assert/strict';
import { createHash, createPublicKey } from 'node:crypto';
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { eventually, exportedFiles, ORIGIN, startExportedLog, treeSizeOf } from './exported-log.ts';
import { run } from './process.ts';
import { tesseraFsck } from './tools.ts';

const { skip } = needs(tesseraFsck);

/** It does not end by itself when it cannot read something. */
const TIMEOUT_MS = 20_000;

/** Leaves of the log: two full bundles and a part of a third. */
const SIZE = 600;

if (skip !== false) describe('the checker of Tessera', { skip }, () => test('passes an exported folder'));
else await suite();

async function suite(): Promise<void> {
  const base = await temporaryFolder();
  const folder = join(base, 'export');
  const log = await startExportedLog({ kind: 'directory', folder, intervalMs: 10 });
  after(() => log.close());
  const key = join(base, 'key');
  await writeFile(key, verifierKey(log.publicKey));
  await log.grow(SIZE);
  await eventually(
    () => readFile(join(folder, 'checkpoint')).then(treeSizeOf, () => -1),
    (size) => size === SIZE,
  );

  /** It ends with 0 on a missing or damaged log too: its line alone says that it passed. */
  const passes = async (checked: string): Promise<boolean> => {
    const url = `${pathToFileURL(checked).href}/`;
    const args = ['--ui=false', '--N', '8', '--public_key', key, '--storage_url', url];
    const { stdout, stderr } = await run(programOf(tesseraFsck), args, { timeoutMs: TIMEOUT_MS }).catch(
      (error: unknown) => ({ stdout: '', stderr: String(error) }),
    );
    return `${stdout}${stderr}`.includes(`Successfully fsck'd log with size ${SIZE} `);
  };

  /** A copy in which one byte of one file is another one. */
  const tampered = async (name: string): Promise<string> => {
    const copy = join(base, 'tampered');
    await rm(copy, { recursive: true, force: true });
    await cp(folder, copy, { recursive: true });
    const file = join(copy, name);
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    await chmod(file, 0o644);
    await writeFile(file, bytes);
    return copy;
  };

  test('passes an exported folder', async () => {
    assert.equal(await passes(folder), true);
  });

  test('does not pass a copy in which one byte of any file was changed, nor one that is not there', async () => {
    const names = (await exportedFiles(folder)).filter(
      (name) => !name.includes('.p/') || name.endsWith(`/${SIZE % 256}`),
    );
    for (const name of ['checkpoint', 'tile/0/000', 'tile/0/002.p/88', 'tile/entries/001', 'tile/entries/002.p/88']) {
      assert.ok(names.includes(name), names.join(' '));
      assert.equal(await passes(await tampered(name)), false, name);
    }
    assert.equal(await passes(join(base, 'nothing')), false);
  });
}

/** SPEC: C2SP signed-note, Verifier keys; for ECDSA as the note library of transparency-dev has it (algorithm 2) */
function verifierKey(publicKeyPem: string): string {
  const spki = createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(spki).digest('hex').slice(0, 8);
  return `${ORIGIN}+${id}+${Buffer.concat([Buffer.of(2), spki]).toString('base64')}`;
}
