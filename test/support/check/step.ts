import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../../..');

export interface StepResult {
  ok: boolean;
  /** What to show when it failed. */
  output: string;
}

export interface Step {
  name: string;
  run(): Promise<StepResult>;
}

/** Runs a tool of node_modules/.bin with our own Node first on the PATH, whatever started us. */
export function runTool(
  command: string,
  args: readonly string[],
  cwd = ROOT,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const bin = join(ROOT, 'node_modules', '.bin');
  const env = { ...process.env, PATH: [bin, process.env['PATH'] ?? ''].join(delimiter), NO_COLOR: '1' };
  return new Promise((done, fail) => {
    const child = spawn(join(bin, command), args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', fail);
    child.once('close', (code) => {
      done({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** A step that is one tool: it passes when the tool exits with 0. */
export function toolStep(name: string, command: string, args: readonly string[]): Step {
  return {
    name,
    async run() {
      const { code, stdout, stderr } = await runTool(command, args);
      return { ok: code === 0, output: `${stdout}${stderr}` };
    },
  };
}
