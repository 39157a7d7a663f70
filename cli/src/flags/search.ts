import { usageFailure } from '../failure.ts';
import { given, needed, noMore, parse, readNumber } from '../option-values.ts';

export type SearchFlags =
  | FindFlags
  | {
      readonly action: 'status';
      readonly config: string;
      readonly log: string;
      /** Batches that are compared with what should be stored. */
      readonly sample: number;
    }
  | { readonly action: 'rebuild'; readonly config: string; readonly log: string; readonly all: boolean };

export interface FindFlags {
  readonly action: 'find';
  readonly url?: string;
  readonly hash?: string;
  readonly file?: string;
  readonly identity?: string;
  readonly issuer?: string;
  readonly publicKey?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly from: number;
  readonly limit: number;
  readonly json: boolean;
}

const ACTIONS = 'find, status, rebuild';
const TERMS = ['hash', 'file', 'identity', 'issuer', 'public-key', 'certificate'] as const;

/** Throws a usage Failure. */
export function parseSearch([action, ...args]: string[]): SearchFlags {
  switch (action) {
    case 'find':
      return parseFind(args);
    case 'status': {
      const options = { config: { type: 'string' }, log: { type: 'string' }, sample: { type: 'string' } } as const;
      const { values } = parse('search', args, options);
      const sample = readNumber('search', '--sample', values.sample, 0, 100_000) ?? 100;
      return { action, ...site(values), sample };
    }
    case 'rebuild': {
      const options = { config: { type: 'string' }, log: { type: 'string' }, all: { type: 'boolean' } } as const;
      const { values } = parse('search', args, options);
      return { action, ...site(values), all: values.all === true };
    }
    default:
      throw usageFailure(`say what to do: ${ACTIONS}`, 'search');
  }
}

function site(values: { config?: string; log?: string }): { config: string; log: string } {
  return {
    config: needed('search', '--config FILE', values.config),
    log: needed('search', 'the log: --log NAME', values.log),
  };
}

function parseFind(args: string[]): FindFlags {
  const text = { type: 'string' } as const;
  const options = {
    url: text,
    hash: text,
    file: text,
    identity: text,
    issuer: text,
    'public-key': text,
    certificate: text,
    key: text,
    from: text,
    limit: text,
    json: { type: 'boolean' },
  } as const;
  const { values, positionals } = parse('search', args, options, true);
  noMore(positionals, 'search find');
  if (TERMS.every((term) => values[term] === undefined)) {
    throw usageFailure(`say what to look for: ${TERMS.map((term) => `--${term}`).join(', ')}`, 'search');
  }
  if (values.hash !== undefined && values.file !== undefined)
    throw usageFailure('--hash or --file, not both', 'search');
  return {
    action: 'find',
    from: readNumber('search', '--from', values.from, 0, 999_999_999) ?? 0,
    limit: readNumber('search', '--limit', values.limit, 1, 100_000) ?? 100,
    json: values.json === true,
    ...given('url', readBase(values.url)),
    ...given('hash', values.hash),
    ...given('file', values.file),
    ...given('identity', values.identity),
    ...given('issuer', values.issuer),
    ...given('publicKey', values['public-key']),
    ...given('certificate', values.certificate),
    ...given('key', values.key),
  };
}

/** Of a log, which may be below a path. Given back without a final slash. */
function readBase(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search + url.hash + url.username === '';
  if (!isPlain) throw usageFailure('--url must be like https://log.example.org, or with a path', 'search');
  return url.href.replace(/\/+$/, '');
}
