import { encodeBase64 } from '@sigstead/formats';
import { TILE_WIDTH } from '@sigstead/merkle';
import { type HttpHandler, sendJson } from '@sigstead/platform';
import type { FastifyReply } from 'fastify';
import type { CtDesk } from '../ct/desk.ts';
import { consistencyRange, entriesRange, entryQuestion, proofQuestion } from './ct-parameters.ts';

/** SPEC: certificate-transparency-go, ctfe: answers that will never be another one. */
const IMMUTABLE = 'public, max-age=86400';

/** The GET endpoints of RFC 6962 §4.3 to §4.8, by the last part of their path. */
export function ctReads(ct: CtDesk): Record<string, HttpHandler> {
  const { reader } = ct.log;
  return {
    'get-sth': async (_request, reply) => {
      const sth = await ct.currentSth();
      return sendJson(reply.header('cache-control', 'no-cache'), 200, {
        tree_size: sth.size,
        timestamp: sth.timestampMs,
        sha256_root_hash: encodeBase64(sth.root),
        tree_head_signature: encodeBase64(sth.signature),
      });
    },
    'get-sth-consistency': async (request, reply) => {
      const { first, second } = consistencyRange(request);
      const proof = await reader.consistency(first, second);
      return sendJson(immutable(reply), 200, { consistency: proof.map(encodeBase64) });
    },
    'get-proof-by-hash': async (request, reply) => {
      const { leafHash, size } = proofQuestion(request);
      const found = await reader.proofByHash(leafHash, size);
      return sendJson(immutable(reply), 200, { leaf_index: found.index, audit_path: found.proof.map(encodeBase64) });
    },
    'get-entries': async (request, reply) => {
      const { start, end } = entriesRange(request);
      const records = await reader.entries(start, end);
      const list = records.map(({ leaf, extra }) => ({
        leaf_input: encodeBase64(leaf),
        extra_data: encodeBase64(extra),
      }));
      // Fewer than asked at the end of the tree are soon more: a cache must not keep them.
      const next = start + list.length;
      const isWhole = next > end || next % TILE_WIDTH === 0;
      return sendJson(isWhole ? immutable(reply) : reply.header('cache-control', 'no-cache'), 200, { entries: list });
    },
    'get-entry-and-proof': async (request, reply) => {
      const { index, size } = entryQuestion(request);
      const { record, proof } = await reader.entryAndProof(index, size);
      return sendJson(immutable(reply), 200, {
        leaf_input: encodeBase64(record.leaf),
        extra_data: encodeBase64(record.extra),
        audit_path: proof.map(encodeBase64),
      });
    },
    'get-roots': (_request, reply) =>
      sendJson(reply, 200, { certificates: ct.roots.roots.map(({ certificate }) => encodeBase64(certificate.der)) }),
  };
}

function immutable(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', IMMUTABLE);
}
