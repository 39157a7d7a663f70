import { ROOT } from '../../instance/index.ts';
import type { Outcome } from './exchange.ts';
import type { Shot } from './wire.ts';

/** Words that no client may see: stack frames, source files, where things lie on the server's disk. */
const LEAKS = [
  /\n\s+at .+:\d+:\d+/,
  /\.ts:\d+/,
  /node:internal/,
  /node_modules/,
  /file:\/\//,
  /\bECONN|\bENOENT\b/,
  /TypeError|RangeError|ReferenceError|SyntaxError/,
  /cannot read propert/i,
  /\b(?:INSERT INTO|SELECT .+ FROM|duplicate key value)\b/,
];

/** Says what is wrong with the answer to a shot; undefined when nothing is. `places`: folders of the instance. */
export function fault(shot: Shot, outcome: Outcome, places: readonly string[]): string | undefined {
  const { status, text, hung } = outcome;
  if (hung) return 'no answer in time';
  if (status === undefined) return shot.whole ? 'no answer to a whole request' : undefined;
  // Upstream's answer to a client that sets the time itself.
  const isOwnDeadline = status === 504 && /^grpc-timeout:/im.test(shot.bytes.toString('latin1'));
  // 501: wrong method. 505: another version of HTTP.
  if (status >= 500 && status !== 501 && status !== 505 && !isOwnDeadline) return `status ${status}`;
  if (status < 200 || status > 599) return `status ${status}`;
  const leak = LEAKS.find((pattern) => pattern.test(text)) ?? [ROOT, ...places].find((place) => text.includes(place));
  return leak === undefined ? undefined : `the answer shows ${leak}`;
}
