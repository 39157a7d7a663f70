import {
  ctDigitallySigned,
  decodeMerkleTreeLeaf,
  publicKeyFromSpki,
  type Sct,
  sctSignatureInput,
  sthSignatureInput,
  verifyCtSignature,
} from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { LogError } from '../errors.ts';
import type { HeadClaim, Personality } from '../ports.ts';

/** SPEC: RFC 6962 §2.1.4: CT signatures are made with SHA-256. */
const USABLE: ReadonlySet<Signer['algorithm']> = new Set(['ecdsa-p256-sha256', 'rsa-pkcs1-sha256']);

/** Bytes of a stored head before its signature: time, size, root. */
const HEAD_BYTES = 48;

/** A signed tree head as get-sth gives it. */
export interface SignedTreeHead extends HeadClaim {
  /** DigitallySigned. */
  signature: Uint8Array;
}

export interface CtPersonality extends Personality {
  readonly kind: 'ct';
  /** SHA-256 of the key's SPKI. SPEC: RFC 6962 §3.2 */
  readonly logId: Uint8Array;
  /** Whether its leaves name their own index. */
  readonly leafIndex: boolean;
  /** The SCT of an entry in the tree, from its leaf bytes; verified before it is returned. */
  signSct(leaf: Uint8Array): Promise<Sct>;
  /** Takes a stored head apart without verifying it again. */
  readHead(note: Uint8Array): SignedTreeHead;
}

/** An RFC 6962 log. Its notes are u64 time, u64 size, 32 bytes of root, DigitallySigned. Throws `misconfigured`. */
export function ctPersonality(options: {
  signer: Signer;
  sha256: (data: Uint8Array) => Uint8Array;
  leafIndex?: boolean;
}): CtPersonality {
  const { signer, sha256, leafIndex = false } = options;
  if (!USABLE.has(signer.algorithm)) {
    throw new LogError('misconfigured', `a key for ${signer.algorithm} cannot sign for a CT log; use P-256`);
  }
  const key = publicKeyFromSpki(signer.spki);
  const logId = sha256(signer.spki);

  async function signed(message: Uint8Array): Promise<Uint8Array> {
    const envelope = ctDigitallySigned(key.kind, await signer.sign(message));
    if (verifyCtSignature(key, message, envelope)) return envelope;
    throw new LogError('internal', 'failed to integrate entry', { detail: 'a signature just made does not verify' });
  }

  return {
    kind: 'ct',
    logId,
    leafIndex,
    strictTime: true,
    findsByLeafHash: true,
    readHead,
    async signHead(claim) {
      const signature = await signed(headInput(claim));
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeBigUInt64BE(BigInt(claim.timestampMs), 0);
      head.writeBigUInt64BE(BigInt(claim.size), 8);
      head.set(claim.root, 16);
      return Buffer.concat([head, signature]);
    },
    openHead(note) {
      const { signature, ...claim } = readHead(note);
      if (verifyCtSignature(key, headInput(claim), signature)) return claim;
      throw new LogError('internal', 'internal error', { detail: 'a tree head does not verify' });
    },
    async signSct(leaf) {
      const entry = decodeMerkleTreeLeaf(leaf);
      const signature = await signed(sctSignatureInput(entry));
      return { logId, timestampMs: entry.timestampMs, extensions: entry.extensions, signature };
    },
  };
}

function headInput(claim: HeadClaim): Uint8Array {
  return sthSignatureInput({ timestampMs: claim.timestampMs, treeSize: claim.size, root: claim.root });
}

function readHead(note: Uint8Array): SignedTreeHead {
  if (note.length <= HEAD_BYTES) throw new LogError('internal', 'internal error', { detail: 'a tree head is cut off' });
  const view = new DataView(note.buffer, note.byteOffset, note.byteLength);
  return {
    timestampMs: Number(view.getBigUint64(0)),
    size: Number(view.getBigUint64(8)),
    root: note.subarray(16, HEAD_BYTES),
    signature: note.subarray(HEAD_BYTES),
  };
}
