import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseCommandLine } from './command-line.ts';
import { Failure, messageOf } from './failure.ts';
import { helpText } from './help.ts';
import type { UserContext } from './user-dirs.ts';

const cliDir = dirname(import.meta.dirname);
const programs = {
  sigstead: join(cliDir, 'bin', 'sigstead'),
  node: process.execPath,
  jsExample: join(cliDir, 'examples', 'sigstore-js.mjs'),
};

function version(): string {
  const { version: text } = JSON.parse(readFileSync(join(cliDir, 'package.json'), 'utf8')) as { version: string };
  return text;
}

export interface RunIo {
  readonly user: UserContext;
  /** Process that started this one, from before it could ask. */
  readonly parentPid: number;
  /** Ends the process without waiting for anything. */
  readonly exitNow: (code: number) => never;
}

/** Runs one command line. Resolves with the exit code; what went wrong is said in one line on stderr. */
export async function run(argv: readonly string[], io: RunIo): Promise<number> {
  // Whoever reads our output may leave first (`sigstead --help | head -1`).
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  try {
    await runCommand(argv, io);
    return 0;
  } catch (error) {
    process.stderr.write(`sigstead: ${messageOf(error)}\n`);
    if (process.env['SIGSTEAD_DEBUG'] !== undefined) process.stderr.write(`${stackOf(error)}\n`);
    return error instanceof Failure ? error.exitCode : 1;
  }
}

/** A command's code is loaded only when it runs: `token` needs none of the services. */
async function runCommand(argv: readonly string[], { user, parentPid, exitNow }: RunIo): Promise<void> {
  const line = parseCommandLine(argv);
  switch (line.command) {
    case 'help':
      return write(helpText(line.topic));
    case 'version':
      return write(`sigstead ${version()}\n`);
    case 'token': {
      const { tokenCommand } = await import('./commands/token.ts');
      return tokenCommand(line.flags, { user, write, stdin: process.stdin });
    }
    case 'env': {
      const { envCommand } = await import('./commands/env.ts');
      return envCommand(line.flags, { user, write, programs });
    }
    case 'init': {
      const { initCommand } = await import('./commands/init.ts');
      return initCommand(line.flags, { write, nowMs: () => Date.now(), sigstead: programs.sigstead });
    }
    case 'serve': {
      const { serveCommand } = await import('./commands/serve.ts');
      const main = join(cliDir, 'src', 'main.ts');
      return serveCommand(line.flags, {
        process,
        env: user.env,
        version: version(),
        main,
        write,
        writeError,
        exitNow,
      });
    }
    case 'config': {
      const { checkConfig, printExample } = await import('./commands/config.ts');
      const io = { write, exampleFile: join(cliDir, 'examples', 'sigstead.yaml') };
      return line.flags.action === 'check' ? checkConfig(line.flags.file, io) : printExample(io);
    }
    case 'migrate': {
      const { migrateCommand } = await import('./commands/migrate.ts');
      return migrateCommand(line.flags.config, { env: user.env, write, writeError });
    }
    case 'log': {
      const { logCommand } = await import('./commands/log.ts');
      return logCommand(line.flags, { env: user.env, version: version(), write, writeError });
    }
    case 'witness': {
      const { witnessCommand } = await import('./commands/witness.ts');
      const { sigstead } = programs;
      return witnessCommand(line.flags, { process, version: version(), sigstead, write, writeError, exitNow });
    }
    case 'fsck': {
      const { fsckCommand } = await import('./commands/fsck.ts');
      return fsckCommand(line.flags, { write, writeError, nowMs: () => Date.now() });
    }
    case 'search': {
      const { searchCommand } = await import('./commands/search.ts');
      return searchCommand(line.flags, { user, env: user.env, write, writeError, nowMs: () => Date.now() });
    }
    case 'dev': {
      const { devCommand } = await import('./commands/dev.ts');
      return devCommand(line.flags, {
        user,
        write,
        writeError,
        programs,
        process,
        parentPid,
        version: version(),
        exitNow,
      });
    }
  }
}

function write(text: string): void {
  process.stdout.write(text);
}

function writeError(text: string): void {
  process.stderr.write(text);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return error.cause === undefined ? `${error.stack}` : `${error.stack}\nbecause of ${stackOf(error.cause)}`;
}
