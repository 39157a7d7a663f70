import { usageFailure } from './failure.ts';
import { type DevFlags, type EnvFlags, parseDev, parseEnv, parseToken, type TokenFlags } from './flags/dev.ts';
import { type FsckFlags, type LogFlags, parseFsck, parseLog } from './flags/log.ts';
import { parseSearch, type SearchFlags } from './flags/search.ts';
import {
  type ConfigFlags,
  type InitFlags,
  type MigrateFlags,
  parseConfigCommand,
  parseInit,
  parseMigrate,
  parseServe,
  type ServeFlags,
} from './flags/serve.ts';
import { parseWitness, type WitnessFlags } from './flags/witness.ts';
import { noMore, quoted } from './option-values.ts';

const DOCUMENTED = [
  'dev',
  'token',
  'env',
  'init',
  'serve',
  'config',
  'migrate',
  'log',
  'fsck',
  'search',
  'witness',
] as const;
export const COMMANDS = [...DOCUMENTED, 'version', 'help'] as const;
/** What there is help on. */
export const TOPICS = ['sigstead', ...DOCUMENTED] as const;
export type HelpTopic = (typeof TOPICS)[number];

export type CommandLine =
  | { readonly command: 'dev'; readonly flags: DevFlags }
  | { readonly command: 'token'; readonly flags: TokenFlags }
  | { readonly command: 'env'; readonly flags: EnvFlags }
  | { readonly command: 'init'; readonly flags: InitFlags }
  | { readonly command: 'serve'; readonly flags: ServeFlags }
  | { readonly command: 'config'; readonly flags: ConfigFlags }
  | { readonly command: 'migrate'; readonly flags: MigrateFlags }
  | { readonly command: 'log'; readonly flags: LogFlags }
  | { readonly command: 'fsck'; readonly flags: FsckFlags }
  | { readonly command: 'search'; readonly flags: SearchFlags }
  | { readonly command: 'witness'; readonly flags: WitnessFlags }
  | { readonly command: 'version' }
  | { readonly command: 'help'; readonly topic: HelpTopic };

/** Understands the words after the program's name. Throws a usage Failure: one line, exit code 2. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const [command, ...rest] = argv;
  switch (command) {
    case 'dev':
      return asksForHelp(rest) ? { command: 'help', topic: 'dev' } : { command, flags: parseDev(rest) };
    case 'token':
      return asksForHelp(rest) ? { command: 'help', topic: 'token' } : { command, flags: parseToken(rest) };
    case 'env':
      return asksForHelp(rest) ? { command: 'help', topic: 'env' } : { command, flags: parseEnv(rest) };
    case 'init':
      return asksForHelp(rest) ? { command: 'help', topic: 'init' } : { command, flags: parseInit(rest) };
    case 'serve':
      return asksForHelp(rest) ? { command: 'help', topic: 'serve' } : { command, flags: parseServe(rest) };
    case 'config':
      return asksForHelp(rest) ? { command: 'help', topic: 'config' } : { command, flags: parseConfigCommand(rest) };
    case 'migrate':
      return asksForHelp(rest) ? { command: 'help', topic: 'migrate' } : { command, flags: parseMigrate(rest) };
    case 'log':
      return asksForHelp(rest) ? { command: 'help', topic: 'log' } : { command, flags: parseLog(rest) };
    case 'fsck':
      return asksForHelp(rest) ? { command: 'help', topic: 'fsck' } : { command, flags: parseFsck(rest) };
    case 'search':
      return asksForHelp(rest) ? { command: 'help', topic: 'search' } : { command, flags: parseSearch(rest) };
    case 'witness':
      return asksForHelp(rest) ? { command: 'help', topic: 'witness' } : { command, flags: parseWitness(rest) };
    case 'version':
    case '--version':
    case '-v':
      noMore(rest, 'version');
      return { command: 'version' };
    case 'help':
      return { command: 'help', topic: helpTopic(rest) };
    case undefined:
    case '--help':
    case '-h':
      return { command: 'help', topic: 'sigstead' };
    default:
      throw usageFailure(`unknown command ${quoted(command)}; commands are ${COMMANDS.join(', ')}`);
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

function helpTopic(rest: readonly string[]): HelpTopic {
  const [topic, ...more] = rest;
  noMore(more, 'help');
  if (topic === undefined) return 'sigstead';
  const known = TOPICS.find((name) => name === topic);
  if (known !== undefined && known !== 'sigstead') return known;
  throw usageFailure(`no help on ${quoted(topic)}`);
}
