import { Connection, getRequest, type Outcome, type Target } from './connection.ts';
import { Histogram } from './histogram.ts';
import type { Schedule } from './schedule.ts';

/** One run's requests, by number. `answered` is called once for each that was due; latency from its intended time. */
export interface Requests {
  request(i: number): Uint8Array;
  answered(i: number, outcome: Outcome, latencyMs: number): void;
}

export interface Driven {
  /** From the first intended send to the last answer. */
  readonly elapsedMs: number;
  /** How much later than intended requests left: what the generator itself, or a lack of connections, added. */
  readonly lag: Histogram;
}

/** Connections to one server, opened when needed, never more than `max`. */
export class Connections {
  readonly #target: Target;
  readonly #max: number;
  readonly #all: Connection[] = [];
  readonly #idle: Connection[] = [];

  constructor(target: Target, max: number) {
    this.#target = target;
    this.#max = max;
  }

  /** The connection used last, so that few stay warm; undefined when all are busy. */
  take(): Connection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#all.length >= this.#max) return idle;
    const connection = new Connection(this.#target);
    this.#all.push(connection);
    return connection;
  }

  give(connection: Connection): void {
    this.#idle.push(connection);
  }

  /**
   * Opens as many ahead of a flood, a few at a time, and asks for something on each: else the flood would measure the
   * kernel's queue of new connections, and the server's patience with those that say nothing.
   */
  async warm(count: number, path: string): Promise<void> {
    const taken: Connection[] = [];
    while (taken.length < Math.min(count, this.#max)) {
      const group = Array.from({ length: 64 }, () => this.take()).filter((each) => each !== undefined);
      if (group.length === 0) break;
      await Promise.all(group.map((each) => each.request(getRequest(this.#target, path))));
      taken.push(...group);
    }
    for (const each of taken) this.give(each);
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }
}

/** A wait is cut this much short, and the rest spent looking: timers are no finer than a millisecond. */
const LOOK_MS = 1.5;
const NO_CONNECTION_MS = 5;

/**
 * Open loop: each request leaves when the schedule says, whatever became of those before it, and its latency counts
 * from then, also when no connection was free. Ends with the last answer, or `drainMs` after the last arrival; what is
 * unanswered then has failed.
 */
export function openLoop(options: {
  schedule: Schedule;
  connections: Connections;
  requests: Requests;
  drainMs: number;
}): Promise<Driven> {
  const { schedule, connections, requests, drainMs } = options;
  const lag = new Histogram();
  const startMs = performance.now();
  let next = 0;
  let answered = 0;
  let isOver = false;

  return new Promise((resolve) => {
    const late = setTimeout(
      () => {
        isOver = true;
        connections.close();
        while (next < schedule.count) answer(next++, new Error('not sent: no connection was free (--connections)'));
      },
      schedule.dueMs(schedule.count - 1) + drainMs,
    );

    const answer = (i: number, outcome: Outcome): void => {
      requests.answered(i, outcome, performance.now() - startMs - schedule.dueMs(i));
      if (++answered < schedule.count) return;
      clearTimeout(late);
      resolve({ elapsedMs: performance.now() - startMs, lag });
    };
    const sendDue = (): void => {
      while (!isOver && next < schedule.dueBy(performance.now() - startMs)) {
        const connection = connections.take();
        if (connection === undefined) return;
        const i = next++;
        lag.record(performance.now() - startMs - schedule.dueMs(i));
        connection.send(requests.request(i), (outcome) => {
          connections.give(connection);
          answer(i, outcome);
          // Those that waited for a connection do not wait for the clock as well.
          sendDue();
        });
      }
    };
    const tick = (): void => {
      sendDue();
      if (isOver || next >= schedule.count) return;
      const waitMs = schedule.dueMs(next) - (performance.now() - startMs);
      if (waitMs > LOOK_MS) setTimeout(tick, waitMs - LOOK_MS);
      else if (waitMs > 0) setImmediate(tick);
      else setTimeout(tick, NO_CONNECTION_MS);
    };
    tick();
  });
}

/**
 * Closed loop: `inFlight` requests are always under way, until the seconds or the requests are used up. Latency from
 * the send.
 */
export async function closedLoop(options: {
  inFlight: number;
  seconds: number;
  count: number;
  connections: Connections;
  requests: Requests;
}): Promise<Driven> {
  const { inFlight, seconds, count, connections, requests } = options;
  const startMs = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    const connection = connections.take();
    if (connection === undefined) throw new Error(`${inFlight} in flight need as many --connections`);
    while (next < count && performance.now() - startMs < seconds * 1000) {
      const i = next++;
      const sentMs = performance.now();
      const outcome = await new Promise<Outcome>((resolve) => connection.send(requests.request(i), resolve));
      requests.answered(i, outcome, performance.now() - sentMs);
    }
    connections.give(connection);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { elapsedMs: performance.now() - startMs, lag: new Histogram() };
}
