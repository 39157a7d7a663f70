import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A folder for the tests of one file, removed after the last of them. Others may pass through it, but not list it. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-e2e-'));
  // As root PostgreSQL runs under another account, which must reach what lies in here.
  await chmod(folder, 0o711);
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 }));
  return folder;
}
