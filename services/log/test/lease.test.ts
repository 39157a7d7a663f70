import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { testDatabase } from '../../../test/support/index.ts';
import { PostgresLease } from '../src/store/lease.ts';

const HOLDER = path.join(import.meta.dirname, 'support', 'lease-holder.ts');

let database: Awaited<ReturnType<typeof testDatabase>>;
before(async () => {
  database = await testDatabase();
});
after(() => database.drop());

async function withLeases(count: number, use: (leases: PostgresLease[]) => Promise<void>): Promise<void> {
  const leases = Array.from({ length: count }, () => new PostgresLease(database.connectionString));
  try {
    await use(leases);
  } finally {
    await Promise.all(leases.map((lease) => lease.close()));
  }
}

/** Another process that holds it; ended with the test. */
async function startHolder(name: string): Promise<{ kill(signal: NodeJS.Signals): boolean }> {
  const holder = spawn(process.execPath, [HOLDER, database.connectionString, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  after(() => holder.kill('SIGKILL'));
  const [said] = (await once(holder.stdout, 'data')) as [Buffer];
  assert.equal(said.toString(), 'held\n');
  return holder;
}

/** Asks twice a second until it is had; the runner's time limit ends what never is. */
async function untilHeld(lease: PostgresLease, name: string): Promise<void> {
  while (!(await lease.hold(name))) await new Promise((resolve) => setTimeout(resolve, 100));
}

test('one of many holds a lease, others hold others; who gives it up or ends lets the next one have it', () =>
  withLeases(3, async ([first, second, third]) => {
    assert.deepEqual([await first!.hold('a'), await second!.hold('a'), await third!.hold('b')], [true, false, true]);
    assert.deepEqual([await first!.hold('a'), await second!.hold('a')], [true, false]);
    await first!.release();
    assert.equal(await second!.hold('a'), true);
    assert.equal(await first!.hold('a'), false);
    await second!.close();
    assert.equal(await first!.hold('a'), true);
  }));

test('a holder whose session the server ended is not the holder any more, and may be again', () =>
  withLeases(2, async ([first, second]) => {
    assert.equal(await first!.hold('cut'), true);
    const text = `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
                     and database = (select oid from pg_database where datname = current_database())`;
    await database.pool().query(text);
    await untilHeld(second!, 'cut');
    while (await first!.hold('cut').catch(() => true)) await new Promise((resolve) => setTimeout(resolve, 20));
    await second!.release();
    assert.equal(await first!.hold('cut'), true);
  }));

test('a killed holder has lost it at once, a paused one within seconds; a living one keeps it', () =>
  withLeases(1, async ([waiting]) => {
    const killed = await startHolder('process');
    assert.equal(await waiting!.hold('process'), false);
    killed.kill('SIGKILL');
    await untilHeld(waiting!, 'process');
    await waiting!.release();
    const paused = await startHolder('process');
    assert.equal(await waiting!.hold('process'), false);
    paused.kill('SIGSTOP');
    await untilHeld(waiting!, 'process');
  }));
