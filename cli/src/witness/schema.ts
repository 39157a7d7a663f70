import { FormatError, isNoteName, parseVerifierKey, type VerifierKey } from '@sigstead/formats';
import { c, type ObjectOf, type Place, type Schema } from '@sigstead/platform';
import { MAX_LOGS } from '@sigstead/witness';
import { filePath, listenAddress, serviceUrl } from '../serve/config/values.ts';

/** A verifier key, taken apart; what is wrong with it is said. */
const vkey: Schema<VerifierKey> = {
  expected: 'a verifier key: name+id+key',
  optional: false,
  read(value, at) {
    try {
      if (typeof value === 'string') return parseVerifierKey(value);
      at.fail('must be a verifier key: name+id+key');
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      at.fail(error.message);
    }
    // After fail() the value is never handed out: the parser throws.
    return undefined as unknown as VerifierKey;
  },
};

/** Name on a signature line. SPEC: C2SP signed-note, "Format" */
const noteName: Schema<string> = {
  expected: 'a name without white space and plus sign',
  optional: false,
  read(value, at) {
    if (typeof value === 'string' && isNoteName(value) && value.length <= 255) return value;
    at.fail(value === undefined ? 'missing (a name, by custom a URL without scheme)' : `must be ${this.expected}`);
    // After fail() the value is never handed out: the parser throws.
    return '';
  },
};

/** First line of a checkpoint: any text of one line. */
const origin = c.string({
  pattern: /^[^\p{Cc}\u2028\u2029]+$/u,
  maxLength: 1000,
  expected: 'the first line of the log’s checkpoints',
});

const log = {
  vkey: c.optional(vkey),
  keyFile: c.optional(filePath),
  origin: c.optional(origin),
  name: c.optional(noteName),
  signature: c.optional(c.oneOf('note', 'rfc6962')),
};

const file = {
  version: c.integer({ min: 1, max: 1 }),
  name: noteName,
  listen: listenAddress,
  publicUrl: c.optional(serviceUrl),
  keyFile: filePath,
  stateFolder: filePath,
  markFolder: c.optional(filePath),
  maxClockBehindSeconds: c.withDefault(c.integer({ min: 0, max: 3600, unit: 'seconds' }), 60),
  logs: c.list(c.object(log), { max: MAX_LOGS }),
  metrics: c.optional(c.object({ listen: listenAddress })),
  logLevel: c.withDefault(c.oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info'),
};

export type WitnessFile = ObjectOf<typeof file>;
export type WitnessLogFile = ObjectOf<typeof log>;

/** Everything a configuration of `sigstead witness` may hold. */
export const witnessSchema = c.object(file, (value, at) => {
  value.logs.forEach((each, index) => checkLog(each, { at, path: `logs[${index}]` }));
  if (value.markFolder === value.stateFolder) {
    at.report('markFolder', 'is the stateFolder: what sets one back sets back the other; put it on another volume');
  }
  const { metrics, listen } = value;
  if (metrics !== undefined && metrics.listen.host === listen.host && metrics.listen.port === listen.port) {
    at.report('metrics.listen', 'is the address of listen: metrics are not for the public; take another port');
  }
});

function checkLog(log: WitnessLogFile, { at, path }: { at: Place; path: string }): void {
  if ((log.vkey === undefined) === (log.keyFile === undefined)) {
    at.report(path, 'needs one of vkey (name+id+key) and keyFile (a PEM public key)');
    return;
  }
  if (log.keyFile !== undefined) {
    if (log.origin === undefined) at.report(`${path}.origin`, 'missing: a key file does not say whose key it is');
    return;
  }
  for (const key of ['name', 'signature'] as const) {
    if (log[key] !== undefined)
      at.report(`${path}.${key}`, 'is for keyFile: the verifier key says it itself; remove it');
  }
  if (log.vkey?.type === 'cosignature-v1') at.report(`${path}.vkey`, 'is the key of a witness (type 4), not of a log');
}
