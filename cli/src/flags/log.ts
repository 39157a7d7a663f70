import { usageFailure } from '../failure.ts';
import { given, needed, noMore, parse, quoted, readNumber } from '../option-values.ts';
import { ROTATE_OPTIONS, type RotateFlags, rotateFlags } from './rotate.ts';

export type LogFlags = RotateFlags | OtherLogFlags;

type OtherLogFlags = { readonly config: string } & (
  | { readonly action: 'create' | 'status' | 'read-only' | 'activate' | 'vkey'; readonly name: string }
  | { readonly action: 'list' }
  | {
      readonly action: 'freeze';
      readonly name: string;
      /** The name once more: there is no way back. */
      readonly confirm?: string;
    }
  | {
      readonly action: 'mark';
      readonly name: string;
      /** Entries that there must be at least. */
      readonly size: number;
    }
);
const LOG_ACTIONS = ['create', 'list', 'status', 'read-only', 'activate', 'freeze', 'rotate', 'mark', 'vkey'] as const;

export interface FsckFlags {
  /** An http(s) or postgresql URL, or a folder. */
  readonly source: string;
  /** One log of a database. */
  readonly log?: string;
  readonly key?: string;
  readonly origin?: string;
  readonly parallel?: number;
  readonly json: boolean;
  /** A CT log in the static-ct-api layout, not a tlog-tiles one. */
  readonly staticCt?: boolean;
  /** File of a checkpoint that somebody holds, or folder of such files. */
  readonly notes?: string;
}

export function parseLog(args: string[]): LogFlags {
  const text = { type: 'string' } as const;
  const options = { config: text, name: text, confirm: text, size: text, ...ROTATE_OPTIONS };
  const { values, positionals } = parse('log', args, options, true);
  const [word, positional, ...more] = positionals;
  noMore(more, 'log');
  const action = LOG_ACTIONS.find((each) => each === word);
  if (action === undefined) throw usageFailure(`say what to do: ${LOG_ACTIONS.join(', ')}`, 'log');
  refuseStray(action, values);
  const config = needed('log', '--config FILE', values.config);
  if (positional !== undefined && values.name !== undefined) throw usageFailure('name one log', 'log');
  const named = positional ?? values.name;
  if (action === 'list') {
    if (named !== undefined) throw usageFailure('list shows all logs: for one, status NAME', 'log');
    return { action, config };
  }
  const name = needed('log', 'the log: NAME', named);
  if (action === 'freeze') return { action, config, name, ...given('confirm', values.confirm) };
  if (action === 'rotate') return rotateFlags(config, name, values);
  if (action !== 'mark') return { action, config, name };
  const size = readNumber('log', '--size', values.size, 0, Number.MAX_SAFE_INTEGER);
  if (size === undefined) throw usageFailure('say how many entries there must be at least: --size N', 'log');
  return { action, config, name, size };
}

function refuseStray(action: string, values: Readonly<Record<string, unknown>>): void {
  if (values['confirm'] !== undefined && action !== 'freeze' && action !== 'rotate') {
    throw usageFailure('--confirm is for freeze', 'log');
  }
  if (values['size'] !== undefined && action !== 'mark') throw usageFailure('--size is for mark', 'log');
  const stray = Object.keys(ROTATE_OPTIONS).find((option) => values[option] !== undefined);
  if (stray !== undefined && action !== 'rotate') throw usageFailure(`--${stray} is for rotate`, 'log');
}

export function parseFsck(args: string[]): FsckFlags {
  const options = {
    key: { type: 'string' },
    origin: { type: 'string' },
    parallel: { type: 'string' },
    notes: { type: 'string' },
    'static-ct': { type: 'boolean' },
    json: { type: 'boolean' },
  } as const;
  const { values, positionals } = parse('fsck', args, options, true);
  const [source, log, ...more] = positionals;
  noMore(more, 'fsck');
  if (source === undefined || source === '')
    throw usageFailure('say what to check: a URL, a folder, a database', 'fsck');
  const isDatabase = /^postgres(ql)?:\/\//.test(source);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source) && !isDatabase && !/^https?:\/\//.test(source)) {
    throw usageFailure(`${quoted(source)} is neither http, https nor postgresql`, 'fsck');
  }
  if (source.includes('://') && URL.parse(source) === null) throw usageFailure('the URL cannot be read', 'fsck');
  if (log !== undefined && !isDatabase) throw usageFailure('only a database holds logs by name', 'fsck');
  if (isDatabase && (values['origin'] ?? values['parallel'] ?? values['static-ct']) !== undefined) {
    throw usageFailure('--origin, --parallel and --static-ct are for published logs', 'fsck');
  }
  if (isDatabase && log === undefined && values['notes'] !== undefined) {
    throw usageFailure('--notes are of one log: name it', 'fsck');
  }
  return {
    source,
    json: values['json'] === true,
    ...given('log', log),
    ...given('key', values['key']),
    ...given('origin', values['origin']),
    ...given('notes', values['notes']),
    ...given('staticCt', values['static-ct']),
    ...given('parallel', readNumber('fsck', '--parallel', values['parallel'], 1, 64)),
  };
}
