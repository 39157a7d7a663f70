import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { getRequest, type Outcome, type Target } from './connection.ts';
import { closedLoop, Connections, openLoop } from './drive.ts';
import { constantRate } from './schedule.ts';

interface Asked {
  /** Of the n-th request from 0. */
  onRequest: (response: ServerResponse, n: number) => void;
  max: number;
}

async function withServer<T>(asked: Asked, work: (connections: Connections, target: Target) => Promise<T>): Promise<T> {
  let n = 0;
  const server = createServer((_, response) => asked.onRequest(response, n++)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const connections = new Connections(target, asked.max);
  try {
    return await work(connections, target);
  } finally {
    connections.close();
    server.closeAllConnections();
    server.close();
  }
}

function ok(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 2 }).end('ok');
}

interface Seen {
  i: number;
  outcome: Outcome;
  latencyMs: number;
}

describe('open loop', () => {
  it('a stall counts in every request it delayed, from the time each was meant to be sent', async () => {
    const seen: Seen[] = [];
    let heldUntilMs = 0;
    let startMs = 0;
    const schedule = constantRate(200, 0.1);
    const onRequest = (response: ServerResponse, n: number): void => {
      if (n > 0) return ok(response);
      setTimeout(() => {
        heldUntilMs = performance.now() - startMs;
        ok(response);
      }, 150);
    };
    await withServer({ onRequest, max: 1 }, async (connections, target) => {
      startMs = performance.now();
      const requests = {
        request: () => getRequest(target, '/'),
        answered: (i: number, outcome: Outcome, latencyMs: number) => void seen.push({ i, outcome, latencyMs }),
      };
      await openLoop({ schedule, connections, requests, drainMs: 20_000 });
    });
    assert.equal(seen.length, schedule.count);
    for (const { i, outcome, latencyMs } of seen) {
      assert.ok(!(outcome instanceof Error) && outcome.status === 200);
      // The loop began after startMs was taken, by less than this.
      assert.ok(
        latencyMs >= heldUntilMs - schedule.dueMs(i) - 50,
        `request ${i} is said to have taken ${latencyMs} ms`,
      );
    }
  });

  it('what is not answered at the end, or never could be sent, is an error and not left out', async () => {
    const seen: Seen[] = [];
    const held: ServerResponse[] = [];
    const schedule = constantRate(1000, 0.01);
    await withServer({ onRequest: (response) => void held.push(response), max: 2 }, async (connections, target) => {
      const requests = {
        request: () => getRequest(target, '/'),
        answered: (i: number, outcome: Outcome, latencyMs: number) => void seen.push({ i, outcome, latencyMs }),
      };
      await openLoop({ schedule, connections, requests, drainMs: 100 });
    });
    assert.equal(schedule.count, 10);
    assert.deepEqual(
      seen.map(({ i }) => i).toSorted((a, b) => a - b),
      Array.from({ length: 10 }, (_, i) => i),
    );
    const reasons = seen.map(({ outcome }) => (outcome instanceof Error ? outcome.message : ''));
    assert.equal(reasons.filter((reason) => reason.startsWith('closed by the load generator')).length, held.length);
    assert.equal(reasons.filter((reason) => reason.startsWith('not sent')).length, 8);
  });

  it('a connection that the server closes costs its own request only; none is sent twice', async () => {
    const seen: Seen[] = [];
    let received = 0;
    const onRequest = (response: ServerResponse, n: number): void => {
      received += 1;
      if (n === 3) response.destroy();
      else if (n === 5) response.writeHead(200, { connection: 'close', 'content-length': 0 }).end();
      else ok(response);
    };
    const schedule = constantRate(200, 0.1);
    await withServer({ onRequest, max: 1 }, async (connections, target) => {
      const requests = {
        request: () => getRequest(target, '/'),
        answered: (i: number, outcome: Outcome, latencyMs: number) => void seen.push({ i, outcome, latencyMs }),
      };
      await openLoop({ schedule, connections, requests, drainMs: 20_000 });
    });
    assert.equal(received, 20);
    assert.deepEqual(
      seen.filter(({ outcome }) => outcome instanceof Error).map(({ i }) => i),
      [3],
    );
  });
});

describe('closed loop', () => {
  it('never has more in flight than named, and ends when its requests are used up', async () => {
    let inFlight = 0;
    let most = 0;
    let seen = 0;
    const onRequest = (response: ServerResponse): void => {
      most = Math.max(most, ++inFlight);
      setImmediate(() => {
        inFlight -= 1;
        ok(response);
      });
    };
    await withServer({ onRequest, max: 8 }, async (connections, target) => {
      const requests = { request: () => getRequest(target, '/'), answered: () => void (seen += 1) };
      await closedLoop({ inFlight: 3, seconds: 60, count: 50, connections, requests });
      await assert.rejects(closedLoop({ inFlight: 9, seconds: 60, count: 50, connections, requests }), /--connections/);
    });
    assert.ok(most <= 8);
    assert.ok(seen >= 50);
  });
});
