import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseCommandLine } from './command-line.ts';
import { devCommand } from './commands/dev.ts';
import { envCommand } from './commands/env.ts';
import { tokenCommand } from './commands/token.ts';
import { Failure, messageOf } from './failure.ts';
import { helpText } from './help.ts';
import { currentUser } from './user-dirs.ts';

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

async function main(argv: readonly string[]): Promise<void> {
  const line = parseCommandLine(argv);
  const user = currentUser();
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  const writeError = (text: string): void => {
    process.stderr.write(text);
  };
  switch (line.command) {
    case 'help':
      return write(helpText(line.topic));
    case 'version':
      return write(`sigstead ${version()}\n`);
    case 'token':
      return tokenCommand(line.flags, { user, write, stdin: process.stdin });
    case 'env':
      return envCommand(line.flags, { user, write, programs });
    case 'dev':
      return devCommand(line.flags, {
        user,
        write,
        writeError,
        programs,
        process,
        version: version(),
        exitNow: (code) => process.exit(code),
      });
  }
}

// Whoever reads our output may leave first (`sigstead --help | head -1`).
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  process.stderr.write(`sigstead: ${messageOf(error)}\n`);
  if (process.env['SIGSTEAD_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(error instanceof Failure ? error.exitCode : 1);
}
