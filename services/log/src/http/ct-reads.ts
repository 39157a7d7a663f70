import { decodeBase64Strict, encodeBase64, FormatError } from '@sigstead/formats';
import { type Clock, type HttpHandler, type Logger, sendJson } from '@sigstead/platform';
import type { FastifyRequest } from 'fastify';
import type { SignedTreeHead } from '../core/ct/personality.ts';
import { LogError } from '../core/errors.ts';
import type { CtLog } from './ct.ts';

/** A head older than this is signed anew when it is asked for. Well within the usual 24 hours of merge delay. */
const MAX_STH_AGE_MS = 3_600_000;

/** The GET endpoints of RFC 6962 §4.3 to §4.8, by the last part of their path. */
export function ctReads(ct: CtLog, options: { clock: Clock; logger: Logger }): Record<string, HttpHandler> {
  const { reader } = ct.log;
  return {
    'get-sth': async (_request, reply) => {
      const sth = await currentSth(ct, options);
      return sendJson(reply, 200, {
        tree_size: sth.size,
        timestamp: sth.timestampMs,
        sha256_root_hash: encodeBase64(sth.root),
        tree_head_signature: encodeBase64(sth.signature),
      });
    },
    'get-sth-consistency': async (request, reply) => {
      const proof = await reader.consistency(integer(request, 'first'), integer(request, 'second'));
      return sendJson(reply, 200, { consistency: proof.map(encodeBase64) });
    },
    'get-proof-by-hash': async (request, reply) => {
      const found = await reader.proofByHash(hashParameter(request), integer(request, 'tree_size'));
      return sendJson(reply, 200, { leaf_index: found.index, audit_path: found.proof.map(encodeBase64) });
    },
    'get-entries': async (request, reply) => {
      const records = await reader.entries(integer(request, 'start'), integer(request, 'end'));
      const list = records.map(({ leaf, extra }) => ({
        leaf_input: encodeBase64(leaf),
        extra_data: encodeBase64(extra),
      }));
      return sendJson(reply, 200, { entries: list });
    },
    'get-entry-and-proof': async (request, reply) => {
      const { record, proof } = await reader.entryAndProof(
        integer(request, 'leaf_index'),
        integer(request, 'tree_size'),
      );
      return sendJson(reply, 200, {
        leaf_input: encodeBase64(record.leaf),
        extra_data: encodeBase64(record.extra),
        audit_path: proof.map(encodeBase64),
      });
    },
    'get-roots': (_request, reply) =>
      sendJson(reply, 200, { certificates: ct.roots.map((root) => encodeBase64(root.der)) }),
  };
}

/** SPEC: RFC 6962 §3.5: the head is never older than the log's maximum merge delay, also while nothing is logged. */
async function currentSth(ct: CtLog, { clock, logger }: { clock: Clock; logger: Logger }): Promise<SignedTreeHead> {
  const { reader, sequencer, tree } = ct.log;
  const nowMs = clock.nowMs();
  const sth = ct.personality.readHead(await reader.checkpoint(nowMs));
  // The last head of a frozen log grows old, as RFC 9162 §4.13 has it for logs that have ended.
  if (ct.readOnly || tree.state !== 'active' || nowMs - sth.timestampMs < MAX_STH_AGE_MS) return sth;
  try {
    await sequencer.refreshHead();
  } catch (error) {
    logger.warn({ error }, 'the signed tree head is old and cannot be renewed');
  }
  return ct.personality.readHead(await reader.checkpoint(nowMs));
}

/** A query parameter that is a non-negative integer. A name given twice is refused, not chosen from. */
function integer(request: FastifyRequest, name: string): number {
  const value = parameter(request, name);
  const n = Number(value);
  if (/^\d{1,16}$/.test(value) && Number.isSafeInteger(n)) return n;
  throw new LogError('invalid_request', `${name} is no non-negative integer`);
}

function hashParameter(request: FastifyRequest): Uint8Array {
  try {
    const leafHash = decodeBase64Strict(parameter(request, 'hash'));
    if (leafHash.length === 32) return leafHash;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw new LogError('invalid_request', 'hash is no base64 of 32 bytes');
}

function parameter(request: FastifyRequest, name: string): string {
  const values = new URLSearchParams(request.sentQuery).getAll(name);
  const [value] = values;
  if (value === undefined || values.length !== 1)
    throw new LogError('invalid_request', `parameter ${name} is needed once`);
  return value;
}
