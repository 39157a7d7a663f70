import assert from 'node:assert/strict';
import { noteVerifier, parseSignedCheckpoint, publicKeyFromSpki, verifyNote } from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { verifyInclusion } from '@sigstead/merkle';
import { type RawResponse, send } from './raw-http.ts';
import { hasher } from './test-log.ts';

export const ENTRIES = '/api/v2/log/entries';

/** TransparencyLogEntry in JSON. */
export interface Answer {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime: string;
  inclusionPromise: null;
  canonicalizedBody: string;
  inclusionProof: {
    logIndex: string;
    treeSize: string;
    rootHash: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
}

export function post(port: number, body: unknown, headers: [string, string][] = []): Promise<RawResponse> {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  return send(port, { method: 'POST', path: ENTRIES, headers, body: bytes });
}

export const answerOf = (response: RawResponse): Answer => JSON.parse(response.body.toString()) as Answer;

export async function treeSize(port: number): Promise<number> {
  const { body } = await send(port, { method: 'GET', path: '/checkpoint' });
  return Number(body.toString().split('\n')[1]);
}

/** Verifies an answer the way clients do, and returns it with the leaf's bytes. */
export function verified(response: RawResponse, log: { origin: string; signer: Signer }): Answer & { leaf: Buffer } {
  assert.equal(response.status, 201, response.body.toString());
  assert.equal(response.headers['content-type'], 'application/json');
  const answer = answerOf(response);
  const { inclusionProof: proof } = answer;
  const { checkpoint, note } = parseSignedCheckpoint(proof.checkpoint.envelope);
  const [signature] = verifyNote(note, [noteVerifier(log.origin, publicKeyFromSpki(log.signer.spki))]);
  const keyId = Buffer.from(answer.logId.keyId, 'base64');
  assert.equal(keyId.length, 32);
  assert.deepEqual(keyId.subarray(0, 4), Buffer.from(signature!.keyHash));
  assert.equal(answer.logIndex, proof.logIndex);
  assert.deepEqual(
    [proof.treeSize, proof.rootHash],
    [String(checkpoint.size), Buffer.from(checkpoint.root).toString('base64')],
  );
  const leaf = Buffer.from(answer.canonicalizedBody, 'base64');
  verifyInclusion({
    hasher,
    index: Number(answer.logIndex),
    size: checkpoint.size,
    leafHash: hasher.leaf(leaf),
    proof: proof.hashes.map((each) => Buffer.from(each, 'base64')),
    root: checkpoint.root,
  });
  return { ...answer, leaf };
}

/** An answer of the gateway that refuses. */
export function assertRefused(response: RawResponse, status: number, code: number, message: string | RegExp): void {
  const text = response.body.toString();
  assert.equal(response.status, status, text);
  assert.equal(response.headers['content-type'], 'application/json');
  const body = JSON.parse(text) as { code: number; message: string; details: unknown[] };
  assert.deepEqual(Object.keys(body), ['code', 'message', 'details']);
  assert.deepEqual([body.code, body.details], [code, []]);
  if (typeof message === 'string') assert.equal(body.message, message);
  else assert.match(body.message, message);
}
