import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type AddCheckpointRequest,
  type Checkpoint,
  cosignatureLine,
  cosignatureMessage,
  formatTlogSize,
  formatVerifierKey,
  parseAddCheckpointRequest,
  parseCheckpoint,
  publicKeyFromSpki,
  TLOG_SIZE_TYPE,
  type VerifierKey,
  verifierKey,
} from '@sigstead/formats';
import { equalHashes, verifyConsistency } from '@sigstead/merkle';
import { hasher } from './test-log.ts';

export interface Asked extends AddCheckpointRequest {
  readonly checkpoint: Checkpoint;
  /** How many questions were under way, this one included. */
  readonly atOnce: number;
}

export interface Reply {
  status: number;
  contentType?: string;
  body: string | Uint8Array;
}

/** What is done with one question instead of an honest answer. `hang`: none ever comes. */
export type Behaviour = (
  asked: Asked,
  response: ServerResponse,
) => Reply | 'honest' | 'hang' | Promise<Reply | 'honest' | 'hang'>;

/** A C2SP witness over HTTP that checks what it is asked, and can be told to do anything else. */
export class FakeWitness {
  readonly name: string;
  readonly key: VerifierKey;
  readonly asked: Asked[] = [];
  /** What it cosigned last. */
  size = 0;
  root: Uint8Array = hasher.empty();
  behave: Behaviour = () => 'honest';
  /** Added to the time that it states, seconds. */
  skewSec = 0;
  readonly #private: KeyObject;
  readonly #server: Server;
  #underWay = 0;

  private constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.name = name;
    this.#private = privateKey;
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    this.key = verifierKey(`${name}.example/w`, 'cosignature-v1', publicKeyFromSpki(spki));
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(name: string): Promise<FakeWitness> {
    const witness = new FakeWitness(name);
    await new Promise<void>((resolve) => {
      witness.#server.listen(0, '127.0.0.1', resolve);
    });
    return witness;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/prefix`;
  }

  /** Its line in a policy. */
  get line(): string {
    return `witness ${this.name} ${formatVerifierKey(this.key)} ${this.url}`;
  }

  cosign(text: string, timestampSec = Math.floor(Date.now() / 1000) + this.skewSec, key = this.#private): string {
    const signature = sign(null, cosignatureMessage(text, timestampSec), key);
    return cosignatureLine(this.key.name, this.key.key, { timestampSec, signature });
  }

  /** Resolves when it has been asked so often. */
  async untilAsked(count: number): Promise<void> {
    while (this.asked.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** SPEC: C2SP tlog-witness, add-checkpoint */
  honest({ oldSize, proof, note, checkpoint }: Asked): Reply {
    const { size, root } = checkpoint;
    if (oldSize > size) return { status: 400, body: 'old size is larger\n' };
    if (oldSize !== this.size) return { status: 409, contentType: TLOG_SIZE_TYPE, body: formatTlogSize(this.size) };
    if (oldSize === size && !equalHashes(root, this.root)) return { status: 422, body: 'another root\n' };
    try {
      if (oldSize > 0 && oldSize < size) {
        verifyConsistency({ hasher, size1: oldSize, size2: size, root1: this.root, root2: root, proof });
      } else if (proof.length > 0) return { status: 422, body: 'a proof of nothing\n' };
    } catch {
      return { status: 422, body: 'bad proof\n' };
    }
    this.size = size;
    this.root = root;
    return { status: 200, body: this.cosign(note.text) };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#underWay += 1;
    response.once('close', () => {
      this.#underWay -= 1;
    });
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (request.method !== 'POST' || request.url !== '/prefix/add-checkpoint') {
      response.writeHead(405).end();
      return;
    }
    const parsed = parseAddCheckpointRequest(Buffer.concat(parts));
    const asked = { ...parsed, checkpoint: parseCheckpoint(parsed.note.text), atOnce: this.#underWay };
    this.asked.push(asked);
    const chosen = await this.behave(asked, response);
    if (chosen === 'hang') return;
    const { status, contentType = 'text/plain', body } = chosen === 'honest' ? this.honest(asked) : chosen;
    response.writeHead(status, { 'content-type': contentType }).end(body);
  }
}

/** A policy of these witnesses; `quorum` are its group and quorum lines. */
export function policyText(witnesses: readonly FakeWitness[], ...quorum: readonly string[]): string {
  return `${[...witnesses.map(({ line }) => line), ...quorum].join('\n')}\n`;
}
