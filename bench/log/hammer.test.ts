import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { sharedInstance } from '@sigstead/test/instance';
import { certifiedKeys } from './certificates.ts';
import type { Target } from './connection.ts';
import { Entries } from './entries.ts';
import { hammer, type HammerTarget, type RunOptions } from './hammer.ts';
import { isVoid, type RunSummary } from './summary.ts';
import { publishedLog } from './trust.ts';

const instance = await sharedInstance({ ephemeral: true });
const port = Number(new URL(instance.url).port);
const on: HammerTarget = {
  target: { host: '127.0.0.1', port },
  log: await publishedLog(instance.url),
  keys: await certifiedKeys(instance.url, 2),
  serverPids: [instance.pid],
  signsPerSecond: 20_000,
};
const SHORT: RunOptions = { seconds: 0.25, readers: 0, duplicates: 0, verifyEvery: 1, connections: 64 };

interface Passing {
  status: number;
  retryAfter: string | null;
  logIndex: string | null;
  body: Buffer<ArrayBufferLike>;
}

/** Runs through a proxy that may change what the log answers; `nth` counts answers to entries from 0. */
async function through(tamper: (answer: Passing, nth: number) => void, options = SHORT): Promise<RunSummary> {
  let nth = 0;
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = request;
    const body = method === 'POST' ? { body: await buffer(request) } : {};
    const answer = await fetch(`${instance.url}${url}`, { method, ...body });
    const passing: Passing = {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      logIndex: answer.headers.get('x-log-index'),
      body: Buffer.from(await answer.arrayBuffer()),
    };
    if (method === 'POST') tamper(passing, nth++);
    if (passing.retryAfter !== null) response.setHeader('retry-after', passing.retryAfter);
    if (passing.logIndex !== null) response.setHeader('x-log-index', passing.logIndex);
    response.writeHead(passing.status, { 'content-length': passing.body.length }).end(passing.body);
  };
  const proxy = createServer((request, response) => void pass(request, response)).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const target: Target = { host: '127.0.0.1', port: (proxy.address() as AddressInfo).port };
  try {
    return await hammer({ ...on, target }, { kind: 'open', perSecond: 80 }, options);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
}

/** Turns one character of a member's base64 or number into another. */
function flip(answer: Passing, member: string): void {
  const text = answer.body.toString('latin1');
  const at = text.indexOf(`"${member}":"`) + member.length + 4;
  const other = text[at] === '1' ? '2' : '1';
  answer.body = Buffer.from(text.slice(0, at) + other + text.slice(at + 1), 'latin1');
}

describe('the load tool against a log', () => {
  it('its entries have the size that entries of the public log have, and the log makes exactly them', () => {
    const entries = new Entries({ count: 4, keys: on.keys, target: on.target });
    for (let i = 0; i < entries.count; i++) {
      const { length } = entries.canonicalBody(i);
      assert.ok(length > 3100 && length < 3300, `an entry has ${length} bytes`);
    }
    assert.throws(() => entries.request(4), RangeError);
  });

  it('an open loop: all arrivals are sent and answered, repeats with the index of the first, readers find the entries', async () => {
    const run = await hammer(on, { kind: 'open', perSecond: 160 }, { ...SHORT, duplicates: 0.25, readers: 2 });
    assert.deepEqual(run.faults, []);
    assert.equal(run.requests, 40);
    assert.equal(run.accepted + run.duplicates, 40);
    assert.equal(run.verified, run.accepted);
    assert.ok(run.duplicates > 0 && run.reads > 0);
    assert.equal(isVoid(run), false);
  });

  it('a closed loop verifies every answer', async () => {
    const run = await hammer(on, { kind: 'closed', inFlight: 4 }, SHORT);
    assert.deepEqual(run.faults, []);
    assert.equal(run.verified, run.accepted);
    assert.equal(isVoid(run), false);
  });

  it('an honest path in between changes nothing', async () => {
    const run = await through(() => undefined);
    assert.deepEqual(run.faults, []);
    assert.equal(run.accepted, 20);
  });
});

describe('a single bad answer makes the run void', () => {
  const bad: Record<string, [tamper: (answer: Passing) => void, fault: RegExp]> = {
    'another entry': [(answer) => flip(answer, 'canonicalizedBody'), /another entry/],
    'another root': [(answer) => flip(answer, 'rootHash'), /root differ/],
    'another index': [(answer) => flip(answer, 'logIndex'), /differ|two entries/],
    'a checkpoint under another origin': [(answer) => flip(answer, 'envelope'), /bad answer/],
    'an answer cut short': [(answer) => void (answer.body = answer.body.subarray(0, 200)), /bad answer/],
    'no entry at all': [(answer) => void (answer.body = Buffer.from('{}')), /without an index/],
    'an unexpected status': [(answer) => void (answer.status = 500), /500/],
    'a refusal that does not say when to come again': [(answer) => void (answer.status = 503), /Retry-After/],
    'a new entry said to be there': [
      (answer) => void Object.assign(answer, { status: 409, logIndex: '1' }),
      /to nobody that it was added/,
    ],
  };
  for (const [name, [tamper, fault]] of Object.entries(bad)) {
    it(name, async () => {
      const run = await through((answer, nth) => (nth === 7 ? tamper(answer) : undefined));
      assert.equal(isVoid(run), true);
      assert.match(run.faults.join('\n'), fault);
    });
  }

  it('a repeat that is told another index than the first', async () => {
    const options = { ...SHORT, duplicates: 0.5 };
    const told = new Set<string>();
    const run = await through((answer) => {
      const index = /^\{"logIndex":"(\d+)"/.exec(answer.body.toString('latin1'))?.[1] ?? '';
      if (!told.has(index)) return void told.add(index);
      const other = answer.body.toString('utf8').replaceAll(`"logIndex":"${index}"`, `"logIndex":"${index}0000"`);
      answer.body = Buffer.from(other);
    }, options);
    assert.equal(isVoid(run), true);
    assert.match(run.faults.join('\n'), /was added twice/);
  });
});
