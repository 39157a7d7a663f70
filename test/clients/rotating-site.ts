import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { ROOT, startInstance } from '../instance/index.ts';
import { testDatabase } from '../support/index.ts';
import { type Program, startProgram } from './local-server.ts';
import { runOk } from './process.ts';
import { temporaryFolder } from './environment.ts';

/** All services on one port, as `sigstead serve` runs them, whose log can be rotated. */
export interface RotatingSite {
  readonly url: string;
  /** `sigstead log rotate … rekor`. */
  rotate(...words: string[]): Promise<string>;
  /** Stops it and starts it again, as after a change of its configuration. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const SIGSTEAD = join(ROOT, 'cli', 'bin', 'sigstead');

/**
 * A development instance gives keys, chains and a configuration; a copy of that is then what `serve` runs. Checkpoints carry the
 * signature of a further key.
 */
export async function startRotatingSite(): Promise<RotatingSite> {
  const database = await testDatabase();
  const dataDir = join(await temporaryFolder(), 'data');
  await mkdir(dataDir, { mode: 0o711 });
  const instance = await startInstance({ dataDir, env: { DATABASE_URL: database.connectionString } });
  const { url } = instance;
  await instance.stop();
  const generated = await readFile(join(dataDir, 'serve.yaml'), 'utf8');
  const configFile = join(dataDir, 'site.yaml');
  await writeFile(join(dataDir, 'keys', 'further.key.pem'), generatePrivateKeyPem('ed25519'), { mode: 0o600 });
  await writeFile(configFile, configuration(generated));
  const port = Number(new URL(url).port);
  const start = (): Promise<Program> => startProgram(SIGSTEAD, ['serve', '--config', configFile], port);
  let program = await start();
  return {
    url,
    rotate: async (...words) =>
      (await runOk(SIGSTEAD, ['log', 'rotate', '--config', configFile, ...words, 'rekor'])).stdout,
    async restart() {
      await program.end();
      program = await start();
    },
    async close() {
      await program.end();
      await database.drop();
    },
  };
}

/** Without the two lines that say whose file it is. */
function configuration(generated: string): string {
  const key = 'keyFile: keys/rekor.key.pem\n';
  const more = `${key}    alsoSign: [{keyFile: keys/further.key.pem}]\n`;
  return generated.replace(/^(?:#.*\n)+/, '').replace(key, more);
}
