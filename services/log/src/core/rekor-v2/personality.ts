import { formatCheckpointBody, formatNote, parseSignedCheckpoint } from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { LogError } from '../errors.ts';
import type { Personality } from '../ports.ts';
import { type FurtherSigner, NoteSigners } from './note-signers.ts';

export interface RekorV2Personality extends Personality {
  readonly kind: 'rekor-v2';
  /** 32 bytes: the log's id in answers; its first four stand on the signature line. */
  readonly keyId: Uint8Array;
}

/**
 * A log that signs C2SP checkpoints under its origin, with one key or several. Throws `misconfigured` for an origin no note can
 * carry, and for keys that clients do not accept.
 */
export function rekorV2Personality(options: {
  origin: string;
  signer: Signer;
  /** Their lines stand below the first, in this order. */
  alsoSign?: readonly FurtherSigner[];
}): RekorV2Personality {
  const { origin, signer, alsoSign = [] } = options;
  const signers = new NoteSigners(origin, signer, alsoSign);
  return {
    kind: 'rekor-v2',
    keyId: signers.keyId,
    strictTime: false,
    // The identity is the leaf hash: it is findable already.
    findsByLeafHash: false,
    async signHead({ size, root, timestampMs }, options) {
      const extensions = options?.final === true ? [frozenLine(timestampMs)] : [];
      const body = formatCheckpointBody({ origin, size, root, extensions });
      return Buffer.from(formatNote(body, await signers.lines(body)));
    },
    openHead(bytes) {
      const { checkpoint, note } = parseSignedCheckpoint(Buffer.from(bytes).toString('utf8'));
      signers.verify(note);
      if (checkpoint.origin !== origin) throw new LogError('internal', 'internal error', { detail: 'other origin' });
      return { size: checkpoint.size, root: checkpoint.root, timestampMs: 0 };
    },
  };
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * The extension line of a log's last checkpoint, with the date as Go's time.UnixDate writes it, in UTC.
 * SPEC: rekor-tiles cmd/freeze-checkpoint
 */
export function frozenLine(timestampMs: number): string {
  const at = new Date(timestampMs);
  const clock = at.toISOString().slice(11, 19);
  const day = String(at.getUTCDate()).padStart(2, ' ');
  return `Log frozen \u2014 ${DAYS[at.getUTCDay()]} ${MONTHS[at.getUTCMonth()]} ${day} ${clock} UTC ${at.getUTCFullYear()}`;
}
