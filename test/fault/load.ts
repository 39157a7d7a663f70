import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, post, send } from '../e2e/support/http.ts';
import type { Head } from '../e2e/support/rekor-reader.ts';
import type { LogEntry } from '../e2e/support/signing.ts';
import type { Append, HeadRead, Outcome } from './history.ts';
import type { Random } from './random.ts';
import type { Servers, Serving } from './servers.ts';

interface Submission {
  readonly entry: string;
  readonly request: string;
}

export interface LoadOptions {
  fleet: Pick<Servers, 'slots' | 'serving'>;
  random: Random;
  /** Verifies the answer by itself, signature and proof; throws. Returns its checkpoint. */
  checkAnswer(entry: LogEntry): Head;
  /** Verifies a signed checkpoint; throws. */
  openHead(envelope: string): Head;
  pace?: Pace;
}

export interface Pace {
  callersPerSlot: number;
  /** All of them together; otherwise each asks again at once. */
  perSecond?: number;
  /** One answer in so many is verified when it comes; every one is compared with the log in the end. */
  verifyOneIn: number;
  /** Every second question says that it has no more time than this. */
  hurryMs?: number;
}

/** Callers that verify everything. */
const FULL: Pace = { callersPerSlot: 4, verifyOneIn: 1 };

/** So many submissions may be given again, most often to another process. */
const REMEMBERED = 64;
const AGAIN_PERCENT = 15;
const READ_PERCENT = 10;
const AFTER_TROUBLE_MS = 10;

/** Callers that submit and read without end, and the one record of what each was told. */
export class Load {
  readonly appends: Append[] = [];
  readonly reads: HeadRead[] = [];
  /** Every signed head that was ever returned, once. */
  readonly heads = new Map<string, Head>();
  /** What no server may say. */
  readonly wrongAnswers: string[] = [];
  acknowledged = 0;
  /** Answers by status; `none` where there was no whole one. */
  readonly statuses = new Map<string, number>();
  readonly #options: LoadOptions;
  #pace: Pace;
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #recent: Submission[] = [];
  readonly #waiting = new Set<(slot: number, invokedMs: number) => void>();
  #callers: Promise<void>[] = [];
  #running = false;
  #answers = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#pace = options.pace ?? FULL;
  }

  /** Goes on at another pace, if one is given. */
  start(pace: Pace = this.#pace): void {
    this.#pace = pace;
    this.#running = true;
    this.#callers = this.#options.fleet.slots.flatMap((slot) =>
      Array.from({ length: this.#pace.callersPerSlot }, () => this.#call(slot)),
    );
  }

  /** Resolves when nothing is in flight. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#callers);
  }

  /** Resolves, with the time, when the slot has answered something that was submitted after `afterMs`. */
  answered(slot: number, afterMs: number, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(see);
        reject(new Error(`writer ${slot} answers nothing for ${timeoutMs} ms`));
      }, timeoutMs);
      const see = (answering: number, invokedMs: number): void => {
        if (answering !== slot || invokedMs <= afterMs) return;
        clearTimeout(timer);
        this.#waiting.delete(see);
        resolve(performance.now());
      };
      this.#waiting.add(see);
    });
  }

  async #call(slot: number): Promise<void> {
    const { fleet, random } = this.#options;
    let nextMs = performance.now() + random.below(this.#everyMs());
    while (this.#running) {
      nextMs = Math.max(performance.now(), nextMs + this.#everyMs());
      if (this.#pace.perSecond !== undefined) await delay(Math.max(0, nextMs - performance.now()));
      const serving = fleet.serving(slot);
      if (serving === undefined) {
        await delay(AFTER_TROUBLE_MS);
      } else if (random.below(100) < READ_PERCENT) {
        await this.#read(serving);
      } else {
        await this.#append(slot, serving);
      }
    }
  }

  /** Time between two questions of one caller. */
  #everyMs(): number {
    const { callersPerSlot, perSecond } = this.#pace;
    if (perSecond === undefined) return 0;
    return (1000 * callersPerSlot * this.#options.fleet.slots.length) / perSecond;
  }

  async #append(slot: number, { life, url }: Serving): Promise<void> {
    const { entry, request } = this.#submission();
    const invokedMs = performance.now();
    const answer = await send(`${url}/api/v2/log/entries`, this.#post(request)).catch(() => undefined);
    const endedMs = performance.now();
    const outcome = this.#outcome(life, answer);
    this.appends.push({ entry, life, invokedMs, endedMs, outcome });
    if (outcome.kind !== 'ok') return delay(AFTER_TROUBLE_MS);
    this.acknowledged += 1;
    for (const see of this.#waiting) see(slot, invokedMs);
  }

  #post(request: string): RequestInit {
    const { hurryMs } = this.#pace;
    if (hurryMs === undefined || this.appends.length % 2 === 0) return post(request);
    return { ...post(request), headers: { 'content-type': 'application/json', 'grpc-timeout': `${hurryMs}m` } };
  }

  #outcome(life: string, answer: Answer | undefined): Outcome {
    const status = String(answer?.status ?? 'none');
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (answer === undefined) return { kind: 'unknown' };
    const text = answer.bytes.toString('utf8');
    if (answer.status === 201) return this.#created(life, text);
    const index = answer.headers.get('x-log-index');
    if (answer.status === 409 && index !== null) return { kind: 'ok', index: Number(index) };
    const isClear = answer.status === 503 ? answer.headers.has('retry-after') : answer.status === 504;
    if (!isClear) this.wrongAnswers.push(`${life}: ${answer.status} ${text}`);
    return { kind: text.includes('reached max pushback') ? 'fail' : 'unknown' };
  }

  #created(life: string, text: string): Outcome {
    try {
      const entry = JSON.parse(text) as LogEntry;
      this.#answers += 1;
      if (this.#answers % this.#pace.verifyOneIn === 0) this.#saw(this.#options.checkAnswer(entry));
      const leafHash = leafHashOf(Buffer.from(entry.canonicalizedBody, 'base64'));
      const treeSize = Number(entry.inclusionProof.treeSize);
      return { kind: 'ok', index: Number(entry.logIndex), treeSize, leafHash };
    } catch (error) {
      this.wrongAnswers.push(`${life}: an answer does not verify: ${String(error)}`);
      return { kind: 'unknown' };
    }
  }

  async #read({ life, url }: Serving): Promise<void> {
    const invokedMs = performance.now();
    const answer = await send(`${url}/checkpoint`).catch(() => undefined);
    const endedMs = performance.now();
    if (answer === undefined) return delay(AFTER_TROUBLE_MS);
    // It knows that there is a newer one, and cannot have it in time.
    if (answer.status === 503 && answer.headers.has('retry-after')) return delay(AFTER_TROUBLE_MS);
    const text = answer.bytes.toString('utf8');
    try {
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      const head = this.#options.openHead(text);
      this.#saw(head);
      this.reads.push({ life, invokedMs, endedMs, treeSize: head.size });
    } catch (error) {
      this.wrongAnswers.push(`${life}: no checkpoint (${String(error)}): ${text}`);
    }
  }

  #saw(head: Head): void {
    this.heads.set(`${head.size} ${Buffer.from(head.root).toString('hex')}`, head);
  }

  #submission(): Submission {
    const { random } = this.#options;
    if (this.#recent.length > 0 && random.below(100) < AGAIN_PERCENT) return random.pick(this.#recent);
    const message = Buffer.from(`${this.appends.length} ${random.below(2 ** 32)} ${performance.now()}`);
    const digest = createHash('sha256').update(message).digest('base64');
    const rawBytes = this.#key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const verifier = { publicKey: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
    const signature = { content: sign('sha256', message, this.#key.privateKey).toString('base64'), verifier };
    const made = { entry: digest, request: JSON.stringify({ hashedRekordRequestV002: { digest, signature } }) };
    this.#recent.push(made);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    return made;
  }
}

export function leafHashOf(leaf: Uint8Array): string {
  return createHash('sha256').update(leaf).digest('hex');
}
