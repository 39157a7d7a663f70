import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after } from 'node:test';
import { compileCacheDir, ROOT } from '../instance/index.ts';
import { type Ended, run, runOk } from './process.ts';
import type { Tool } from './tool.ts';

/** The options of a test that needs a program: skipped with the reason when it is not there. */
export function needs(...tools: readonly Tool[]): { skip: string | false } {
  const missing = tools.flatMap((tool) => {
    const reason = missingReason(tool);
    return reason === undefined ? [] : [`${tool.name}: ${reason}`];
  });
  return { skip: missing.length === 0 ? false : missing.join('; ') };
}

export function isInstalled(tool: Tool): boolean {
  return missingReason(tool) === undefined;
}

function missingReason(tool: Tool): string | undefined {
  if (process.env[tool.variable] !== undefined) return undefined;
  return process.env[`${tool.variable}_MISSING`] ?? 'run by `npm run test:clients`';
}

/** Path of an installed program. */
export function programOf(tool: Tool): string {
  const path = process.env[tool.variable];
  if (path === undefined) throw new Error(`${tool.name} is not installed`);
  return path;
}

/** Removed after the last test of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-client-'));
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** What a new shell of somebody with this home would have; nothing of a Sigstore is set. */
export function plainEnvironment(home: string, ...tools: readonly Tool[]): NodeJS.ProcessEnv {
  const path = [...tools.map((tool) => dirname(programOf(tool))), process.env['PATH'] ?? ''].join(delimiter);
  return { HOME: home, PATH: path, LANG: 'C.UTF-8', NODE_COMPILE_CACHE: compileCacheDir(), NO_UPDATE_NOTIFIER: '1' };
}

/** Runs a POSIX shell script in the checkout, where `npx sigstead` is found. The arguments are `$1` and so on. */
export function shell(script: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return runOk('sh', ['-euc', script, 'sh', ...args], { env, cwd: ROOT });
}

const EVAL = 'eval "$(npx sigstead env "$1" --url "$2")"; exec node -p "JSON.stringify(process.env)"';

/** The environment of a shell after `eval "$(npx sigstead env CLIENT)"`. */
export async function evaluatedEnvironment(
  client: 'cosign' | 'python' | 'js' | 'go',
  url: string,
  env: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const { stdout } = await shell(EVAL, [client, url], env);
  return JSON.parse(stdout) as Record<string, string>;
}

/** What `npx sigstead token --email` prints. */
export async function printedToken(email: string, url: string, env: NodeJS.ProcessEnv): Promise<string> {
  return onlyToken(await shell('npx sigstead token --email "$1" --url "$2"', [email, url], env));
}

/** What `npx sigstead token --claims` prints. */
export async function printedTokenWith(
  kind: 'uri' | 'ci',
  claims: Readonly<Record<string, string>>,
  url: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const script = 'printf %s "$3" | npx sigstead token --issuer "$1" --claims - --url "$2"';
  return onlyToken(await shell(script, [kind, url, JSON.stringify(claims)], env));
}

function onlyToken({ stdout }: Ended): string {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+\n$/.test(stdout)) throw new Error(`not a token and nothing else: ${stdout}`);
  return stdout.trim();
}

/** A variable that must be there. */
export function variable(env: Readonly<Record<string, string>>, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}

/** Why a program of the machine cannot be used, or false: an option `skip` of a test. */
export async function missingProgram(name: string, ...args: readonly string[]): Promise<string | false> {
  return run(name, args).then(
    ({ code }) => (code === 0 ? false : `${name} does not work here`),
    () => `${name} is not installed`,
  );
}
