import {
  formatCheckpointBody,
  formatNote,
  isNoteName,
  noteKeyHash,
  noteVerifier,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  signatureLine,
  verifyNote,
} from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { LogError } from '../errors.ts';
import type { Personality } from '../ports.ts';

/** Checkpoint verifiers hash with SHA-256 whatever the curve, so larger curves cannot sign what clients accept. */
const USABLE: ReadonlySet<Signer['algorithm']> = new Set(['ecdsa-p256-sha256', 'ed25519', 'rsa-pkcs1-sha256']);

export interface RekorV2Personality extends Personality {
  readonly kind: 'rekor-v2';
  /** 32 bytes: the log's id in answers; its first four stand on the signature line. */
  readonly keyId: Uint8Array;
}

/**
 * A log that signs C2SP checkpoints under its origin. Throws `misconfigured` for an origin no note can carry or that
 * clients take for a Rekor v1 tree, and for keys that clients do not accept.
 */
export function rekorV2Personality(options: { origin: string; signer: Signer }): RekorV2Personality {
  const { origin, signer } = options;
  if (!isNoteName(origin)) throw new LogError('misconfigured', `origin "${origin}" cannot name a checkpoint`);
  if (!USABLE.has(signer.algorithm)) {
    throw new LogError('misconfigured', `a key for ${signer.algorithm} cannot sign checkpoints; use P-256 or Ed25519`);
  }
  const key = publicKeyFromSpki(signer.spki);
  const keyId = noteKeyHash(origin, key);
  const verifier = noteVerifier(origin, key);
  return {
    kind: 'rekor-v2',
    keyId,
    strictTime: false,
    // The identity is the leaf hash: it is findable already.
    findsByLeafHash: false,
    async signHead({ size, root, timestampMs }, options) {
      const extensions = options?.final === true ? [frozenLine(timestampMs)] : [];
      const body = formatCheckpointBody({ origin, size, root, extensions });
      const signature = await signer.sign(Buffer.from(body));
      return Buffer.from(formatNote(body, [signatureLine(origin, keyId, signature)]));
    },
    openHead(bytes) {
      const { checkpoint, note } = parseSignedCheckpoint(Buffer.from(bytes).toString('utf8'));
      verifyNote(note, [verifier]);
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
