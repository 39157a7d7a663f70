import { readFlags, UsageError, wholeNumber, wholeNumbers } from '../flags.ts';

export const PEERS = ['tessera', 'rekor-tiles'] as const;
export type Peer = (typeof PEERS)[number];

/** What one command line asks for. */
export interface PeerOptions {
  readonly peers: readonly Peer[];
  /** Beside rekor-tiles: open loops of both, closed loops of each, as many in flight as are best for it. */
  readonly rekorRates: readonly number[];
  readonly ourInFlight: readonly number[];
  readonly theirInFlight: readonly number[];
  /** Whether theirs looks for duplicates beyond the last 256 entries. */
  readonly antispam: boolean;
  /** Our log's switch; undefined: as the product has it by itself. */
  readonly search: 'on' | 'off' | undefined;
  /** Beside Tessera. */
  readonly rates: readonly number[];
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly verifyEvery: number;
  readonly pin: boolean;
  readonly json: boolean;
}

const OPTIONS = {
  peer: { type: 'string', default: PEERS.join() },
  'rekor-rate': { type: 'string', default: '50' },
  'our-in-flight': { type: 'string', default: '256' },
  'their-in-flight': { type: 'string', default: '1024,3500' },
  antispam: { type: 'boolean', default: false },
  search: { type: 'string' },
  rate: { type: 'string', default: '50,500,2000' },
  'in-flight': { type: 'string', default: '256,512' },
  seconds: { type: 'string', default: '8' },
  'warm-up': { type: 'string', default: '3' },
  rounds: { type: 'string', default: '2' },
  'verify-every': { type: 'string', default: '100' },
  'no-pin': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Options of a command line; `help` when it is asked for. Throws UsageError. */
export function readOptions(args: readonly string[]): PeerOptions | 'help' {
  const values = readFlags(args, OPTIONS);
  if (values.help) return 'help';
  const options = {
    peers: peersOf(values.peer),
    rekorRates: list('--rekor-rate', values['rekor-rate'], 1, 20_000),
    ourInFlight: list('--our-in-flight', values['our-in-flight'], 1, 4096),
    theirInFlight: list('--their-in-flight', values['their-in-flight'], 1, 4096),
    antispam: values.antispam,
    search: onOrOff(values.search),
    rates: list('--rate', values.rate, 1, 20_000),
    inFlight: list('--in-flight', values['in-flight'], 1, 4096),
    seconds: wholeNumber('--seconds', values.seconds, 1, 600),
    warmUpSeconds: wholeNumber('--warm-up', values['warm-up'], 1, 60),
    rounds: wholeNumber('--rounds', values.rounds, 1, 20),
    verifyEvery: wholeNumber('--verify-every', values['verify-every'], 1, 1_000_000),
    pin: !values['no-pin'],
    json: values.json,
  };
  const { peers, rates, inFlight, rekorRates, ourInFlight, theirInFlight } = options;
  const isNothing = {
    tessera: rates.length + inFlight.length === 0,
    'rekor-tiles': rekorRates.length + ourInFlight.length + theirInFlight.length === 0,
  };
  if (peers.some((peer) => isNothing[peer])) throw new UsageError('nothing to measure');
  return options;
}

function peersOf(text: string): Peer[] {
  const names = text.split(',').map((name) => name.trim());
  const peers = PEERS.filter((peer) => names.includes(peer));
  if (peers.length !== names.length) throw new UsageError(`--peer takes ${PEERS.join(' and ')}`);
  return peers;
}

function onOrOff(text: string | undefined): 'on' | 'off' | undefined {
  if (text === undefined || text === 'on' || text === 'off') return text;
  throw new UsageError('--search is on or off');
}

/** Empty for none. */
function list(flag: string, text: string, min: number, max: number): number[] {
  return text === '' ? [] : wholeNumbers(flag, text, { min, max, most: 10 });
}
