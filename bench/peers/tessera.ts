import { generateKeyPairSync, hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere } from '../../test/clients/cache.ts';
import { expectModule, goInstalled } from '../../test/clients/go-tools.ts';
import type { Tool } from '../../test/clients/tool.ts';

const VERSION = '1.0.4';
/** SPEC: golang.org/x/mod/sumdb/note, algEd25519 */
const ALG_ED25519 = 1;

/** Tessera's conformance server over its POSIX storage: `POST /add` answers with the index once it is integrated. */
export const tessera: Tool = goInstalled({
  name: `Tessera posix ${VERSION}`,
  variable: 'SIGSTEAD_BENCH_TESSERA',
  folder: 'tessera-posix',
  path: 'github.com/transparency-dev/tessera/cmd/conformance/posix',
  version: VERSION,
  check: (program) => expectModule(program, 'tessera', VERSION),
});

/** Command line of a server with a new log in `folder`. */
export async function tesseraCommand(program: string, folder: string, port: number): Promise<string[]> {
  const storage = join(folder, 'tessera');
  await mkdir(storage);
  const key = join(folder, 'tessera.key');
  if (!(await isThere(key))) await writeFile(key, newNoteKey('tessera.bench'), { mode: 0o600 });
  // Its log goes to files there, but for errors.
  const logging = ['--logtostderr=false', '--stderrthreshold=ERROR', '--log_dir', folder];
  return [program, '--storage_dir', storage, '--listen', `127.0.0.1:${port}`, '--private_key', key, ...logging];
}

/** SPEC: golang.org/x/mod/sumdb/note, GenerateKey */
function newNoteKey(name: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ALG_ED25519), point]), 'buffer');
  const secret = Buffer.concat([Buffer.of(ALG_ED25519), seed]).toString('base64');
  return `PRIVATE+KEY+${name}+${id.subarray(0, 4).toString('hex')}+${secret}\n`;
}
