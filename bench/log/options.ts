import { readFlags, UsageError, wholeNumber, wholeNumbers } from '../flags.ts';

/** What one command line asks for. */
export interface HammerOptions {
  /** Arrivals a second, one open-loop run each. */
  readonly rates: readonly number[];
  /** In flight, one closed-loop run each. */
  readonly closed: readonly number[];
  readonly overload: boolean;
  /** A quarter of the peak, where latency is measured. */
  readonly quarter: boolean;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly readers: number;
  readonly duplicates: number;
  readonly verifyEvery: number;
  readonly connections: number;
  /** Processes of the production entry point, started for the load; undefined: a development instance. */
  readonly workers: number | undefined;
  /** Whether entries are made findable; undefined: as the product has it by itself. */
  readonly search: 'on' | 'off' | undefined;
  /** An empty database for it. */
  readonly database: string | undefined;
  /** An instance that runs already. */
  readonly url: string | undefined;
  /** Where certificates come from; the instance itself if not named. */
  readonly ca: string | undefined;
  readonly logKey: string | undefined;
  /** Further processes whose CPU is the server's. */
  readonly pids: readonly number[];
  readonly pin: boolean;
  readonly json: boolean;
}

/** Requests of one run, all signed before it: minutes of signing beyond this. */
export const MAX_REQUESTS = 1_000_000;
const LOCAL_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/** Options of a command line; `help` when it is asked for. Throws UsageError. */
export function readOptions(args: readonly string[]): HammerOptions | 'help' {
  const values = readFlags(args, OPTIONS);
  if (values.help === true) return 'help';
  const isDefault =
    values.rate === undefined && values.closed === undefined && values.overload !== true && values.quarter !== true;
  const url = values.url === undefined ? undefined : localUrl('--url', values.url);
  const options: HammerOptions = {
    rates: list('--rate', isDefault ? '50,500,2000' : values.rate, 1, 50_000),
    closed: list('--closed', isDefault ? '256' : values.closed, 1, 8192),
    overload: values.overload === true,
    quarter: values.quarter === true,
    search: onOrOff('--search', values.search),
    seconds: wholeNumber('--seconds', values.seconds ?? '10', 1, 600),
    warmUpSeconds: wholeNumber('--warm-up', values['warm-up'] ?? '3', 0, 60),
    readers: wholeNumber('--readers', values.readers ?? '0', 0, 64),
    duplicates: share('--duplicates', values.duplicates ?? '0'),
    verifyEvery: wholeNumber('--verify-every', values['verify-every'] ?? '20', 1, 1_000_000),
    connections: wholeNumber('--connections', values.connections ?? '8192', 1, 16_384),
    workers: values.workers === undefined ? undefined : wholeNumber('--workers', values.workers, 1, 64),
    database: values.database,
    url,
    ca: values.ca === undefined ? undefined : localUrl('--ca', values.ca),
    logKey: values['log-key'],
    pids: list('--pids', values.pids, 2, 4_194_304),
    pin: values['no-pin'] !== true && (url === undefined || values.pin === true),
    json: values.json === true,
  };
  checkTogether(options);
  return options;
}

function checkTogether(options: HammerOptions): void {
  const { rates, closed, seconds, connections, duplicates, workers, database, search, url, ca } = options;
  if (workers !== undefined && (url ?? ca) !== undefined) throw new UsageError('--workers starts a server of its own');
  if (database !== undefined && workers === undefined) throw new UsageError('--database is for --workers');
  if (search !== undefined && workers === undefined) throw new UsageError('--search is for --workers');
  const greatest = Math.max(0, ...rates);
  if (greatest * seconds > MAX_REQUESTS) {
    throw new UsageError(`${greatest}/s for ${seconds} s are more than ${MAX_REQUESTS} requests`);
  }
  const widest = Math.max(0, ...closed);
  if (widest > connections) throw new UsageError(`${widest} in flight need --connections ${widest}`);
  if (rates.some((rate) => rate * seconds * (1 - duplicates) < 1)) throw new UsageError('a run would send nothing new');
}

const OPTIONS = {
  rate: { type: 'string' },
  closed: { type: 'string' },
  overload: { type: 'boolean' },
  quarter: { type: 'boolean' },
  search: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  readers: { type: 'string' },
  duplicates: { type: 'string' },
  'verify-every': { type: 'string' },
  connections: { type: 'string' },
  workers: { type: 'string' },
  database: { type: 'string' },
  url: { type: 'string' },
  ca: { type: 'string' },
  'log-key': { type: 'string' },
  pids: { type: 'string' },
  pin: { type: 'boolean' },
  'no-pin': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function list(flag: string, text: string | undefined, min: number, max: number): number[] {
  return text === undefined ? [] : wholeNumbers(flag, text, { min, max, most: 20 });
}

function onOrOff(flag: string, text: string | undefined): 'on' | 'off' | undefined {
  if (text === undefined || text === 'on' || text === 'off') return text;
  throw new UsageError(`${flag} is on or off`);
}

function share(flag: string, text: string): number {
  const value = /^0(\.\d{1,4})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 0.9)) throw new UsageError(`${flag} is a share from 0 to 0.9`);
  return value;
}

/** This tool floods what it is pointed at; it points at nothing but this machine. */
function localUrl(flag: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:' || url.href !== `${url.origin}/`) {
    throw new UsageError(`${flag} is like http://localhost:8080, without a path`);
  }
  if (!LOCAL_HOSTS.includes(url.hostname)) {
    throw new UsageError(
      `${flag} must be on this machine (${LOCAL_HOSTS.join(', ')}): ${url.hostname} is not loaded from here`,
    );
  }
  return url.origin;
}
