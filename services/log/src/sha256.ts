import { hash } from 'node:crypto';

/**
 * SHA-256 as fresh bytes. By way of a string: asked for a buffer, the runtime makes each digest an allocation outside its
 * heap, which costs as much as the hash of a node and keeps the collector busy. Views of the runtime's pool of small
 * buffers come out of it: who keeps a digest for long copies it.
 */
export function sha256(data: Uint8Array): Uint8Array {
  return Buffer.from(hash('sha256', data, 'latin1'), 'latin1');
}
