import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { BundleJson } from './bundle.ts';
import type { Cosign } from './cosign.ts';
import { missingProgram, programOf } from './environment.ts';
import { runOk } from './process.ts';
import { cosign } from './tools.ts';

/** A program that runs a command in a pseudo terminal. */
export interface TerminalProgram {
  readonly missing?: string;
  /** Command and arguments that run a POSIX shell command line in a terminal and end as it ends. */
  wrap(commandLine: string): readonly [string, ...string[]];
}

const SIGN_IN_TIMEOUT_MS = 30_000;
const PYTHON_PTY = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", sys.argv[1]])))';

/** util-linux script, or else Python's pty module. */
export async function terminalProgram(): Promise<TerminalProgram> {
  const script = await missingProgram('script', '--version');
  if (script === false) return { wrap: (line) => ['script', '-qefc', line, '/dev/null'] };
  const python = await missingProgram('python3', '-c', 'import pty');
  if (python === false) return { wrap: (line) => ['python3', '-c', PYTHON_PTY, line] };
  return { missing: `no pseudo terminal: ${script}; ${python}`, wrap: () => ['false'] };
}

export interface BrowserSignIn {
  readonly client: Cosign;
  readonly artifact: Buffer;
  /** What is typed into the login form. */
  readonly email: string;
  readonly terminal: TerminalProgram;
}

/** Lets cosign open its browser; the stand-in for it fills in the login page and follows where that leads. */
export async function signInWithBrowser(options: BrowserSignIn): Promise<{ bundle: BundleJson; opened: string }> {
  const folder = await mkdtemp(join(options.client.home, 'browser-'));
  const programs = join(folder, 'bin');
  await mkdir(programs);
  const browser = join(programs, 'xdg-open');
  const opened = join(folder, 'opened.txt');
  const errors = join(folder, 'browser-errors.txt');
  const standIn = join(import.meta.dirname, 'stand-in-browser.ts');
  // As a desktop does it: the browser goes its own way, xdg-open ends at once. cosign waits for that before it listens.
  const command = `'${process.execPath}' '${standIn}' "$1" '${options.email}' '${opened}'`;
  await writeFile(browser, `#!/bin/sh\n${command} </dev/null >'${errors}' 2>&1 &\n`);
  await chmod(browser, 0o755);
  await writeFile(join(folder, 'artifact.txt'), options.artifact);
  const line = `exec '${programOf(cosign)}' sign-blob --yes --bundle bundle.json artifact.txt`;
  const [program, ...args] = options.terminal.wrap(line);
  const env = { ...options.client.env, PATH: `${programs}${delimiter}${options.client.env['PATH'] ?? ''}` };
  await runOk(program, args, { env, cwd: folder, timeoutMs: SIGN_IN_TIMEOUT_MS }).catch(async (error: unknown) => {
    throw new Error(`the browser said: ${await readFile(errors, 'utf8').catch(String)}`, { cause: error });
  });
  const bundle = JSON.parse(await readFile(join(folder, 'bundle.json'), 'utf8')) as BundleJson;
  return { bundle, opened: await readFile(opened, 'utf8') };
}
