import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import type { LogFlags } from '../src/flags/log.ts';
import { logCommand } from '../src/commands/log.ts';
import { Failure } from '../src/failure.ts';
import { request } from '../src/http-client.ts';
import { Children, install, makeSite, type Site } from './serve-support.ts';

/** What an operator says, but for the configuration. */
type Words = LogFlags extends infer F ? (F extends LogFlags ? Omit<F, 'config'> : never) : never;

suite('the life of a log under serve', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let site: Site;
  const children = new Children();
  before(async () => {
    database = await testDatabase();
    site = await makeSite(database.connectionString);
    await install(site);
  });
  after(async () => {
    await children.close();
    await site.close();
    await database.drop();
  });

  async function log(words: Words): Promise<string> {
    let shown = '';
    const write = (text: string): void => void (shown += text);
    const flags = { ...words, config: site.configFile } as LogFlags;
    await logCommand(flags, { env: {}, version: '0', write, writeError: () => undefined });
    return shown;
  }

  async function refused(words: Words, text: RegExp): Promise<void> {
    await assert.rejects(log(words), (error) => {
      assert.ok(error instanceof Failure, String(error));
      assert.match(error.message, text);
      return true;
    });
  }

  async function post(): Promise<{ status: number; text: string }> {
    const { status, bytes } = await request(`${site.url}/api/v2/log/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: newEntry(),
    });
    return { status, text: bytes.toString('utf8') };
  }

  async function sizeInDatabase(): Promise<number> {
    const text = "select max(size)::integer as size from log.heads join log.logs using (log_id) where name = 'rekor'";
    return (await database.pool().query<{ size: number }>(text)).rows[0]?.size ?? 0;
  }

  test('freezing asks for the name once more, then holds for every worker at once, also after a restart', async () => {
    const spawned = await children.serve(site, '--workers', '2');
    const statuses = new Map<number, number>();
    let going = true;
    const load = Array.from({ length: 4 }, async () => {
      while (going) {
        const { status } = await post();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    while ((statuses.get(201) ?? 0) < 20) await new Promise((resolve) => setTimeout(resolve, 5));
    const confirm = /freezing rekor \(rekor-v2, localhost, \d+ entries\) is for ever: .* --confirm rekor rekor$/;
    await refused({ action: 'freeze', name: 'rekor' }, confirm);
    await refused(
      { action: 'freeze', name: 'rekor', confirm: 'ct' },
      /--confirm names another log \(ct\); freezing rekor/,
    );
    assert.equal((await post()).status, 201, 'asking has frozen nothing');
    const shown = await log({ action: 'freeze', name: 'rekor', confirm: 'rekor' });
    const size = await sizeInDatabase();
    assert.match(shown, new RegExp(`^log rekor is now frozen, with ${size} entries, root [0-9a-f]{64}\\n$`));
    for (let i = 0; i < 20; i++) {
      const text = 'This log has been frozen, please switch to the latest log.\n';
      assert.deepEqual(await post(), { status: 405, text });
      const checkpoint = (await request(`${site.url}/checkpoint`)).bytes.toString('utf8');
      assert.match(checkpoint, new RegExp(`^localhost\\n${size}\\n[^\\n]+\\nLog frozen — [^\\n]+ UTC \\d{4}\\n\\n`));
    }
    going = false;
    await Promise.all(load);
    assert.deepEqual(
      [...statuses.keys()].sort((a, b) => a - b),
      [201, 405],
    );
    assert.equal(await sizeInDatabase(), size);
    spawned.child.kill('SIGTERM');
    await spawned.ended;
    const again = await children.serve(site, '--workers', '1');
    assert.equal((await post()).status, 405);
    assert.equal((await request(`${site.url}/readyz`)).status, 200);
    again.child.kill('SIGTERM');
    await again.ended;
    const already = new RegExp(`^log rekor was already frozen since \\S+Z, with ${size} entries\\n$`);
    assert.match(await log({ action: 'freeze', name: 'rekor' }), already);
  });

  test('list and status show name, kind, origin, size, state and mark', async () => {
    const size = await sizeInDatabase();
    const list = await log({ action: 'list' });
    assert.match(list, /^NAME +KIND +ORIGIN +SIZE +STATE +MARK\n/);
    assert.match(list, new RegExp(`^rekor +rekor-v2 +localhost +${size} +frozen +${size}$`, 'm'));
    assert.match(list, /^ct +ct +localhost\/ct\/x +0 +active +0$/m);
    const status = await log({ action: 'status', name: 'rekor' });
    assert.match(
      status,
      new RegExp(`^size +${size}\\nroot +[0-9a-f]{64}\\nstate +frozen since \\S+Z, with ${size} entries$`, 'm'),
    );
    assert.match(status, new RegExp(`^mark +${size} [0-9a-f]{64} in .*/state/log-rekor\\.${size}$`, 'm'));
  });

  test('a machine without a mark does not serve, until somebody says how many entries there must be', async () => {
    const state = join(site.folder, 'state');
    for (const name of await readdir(state)) if (name.startsWith('log-rekor.')) await rm(join(state, name));
    await refused(
      { action: 'status', name: 'rekor' },
      /log rekor: there is no mark: see docs\/runbooks\/read-only-log\.md/,
    );
    const size = await sizeInDatabase();
    const remedy = new RegExp(
      `has ${size} entries and no high-water mark.*: sigstead log mark --config \\S+ --size N rekor`,
    );
    await assert.rejects(children.serve(site, '--workers', '1'), remedy);
    await refused(
      { action: 'mark', name: 'rekor', size: size + 1 },
      /less than the \d+ entries there must be: it was set back/,
    );
    const made = await log({ action: 'mark', name: 'rekor', size: size - 1 });
    assert.match(made, new RegExp(`^the mark of log rekor is at size ${size}, root [0-9a-f]{64}\\n$`));
    const spawned = await children.serve(site, '--workers', '1');
    spawned.child.kill('SIGTERM');
    await spawned.ended;
  });

  test('read-only and activate are for all processes and may be repeated; what is frozen is nothing else', async () => {
    assert.equal(await log({ action: 'read-only', name: 'ct' }), 'log ct is now read-only, with 0 entries\n');
    assert.equal(await log({ action: 'read-only', name: 'ct' }), 'log ct was already read-only, with 0 entries\n');
    assert.match(await log({ action: 'list' }), /^ct .* read-only /m);
    assert.equal(await log({ action: 'activate', name: 'ct' }), 'log ct is now active, with 0 entries\n');
    await refused({ action: 'activate', name: 'rekor' }, /log rekor: the log is frozen, and stays so/);
    await refused({ action: 'status', name: 'other' }, /logs has none named "other"; it has rekor, ct/);
  });
});

const KEYS = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** SPEC: rekor-tiles hashedrekord 0.0.2, public key as verifier */
function newEntry(): string {
  const artifact = randomBytes(16);
  const rawBytes = KEYS.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return JSON.stringify({
    hashedRekordRequestV002: {
      digest: createHash('sha256').update(artifact).digest('base64'),
      signature: {
        content: sign('sha256', artifact, KEYS.privateKey).toString('base64'),
        verifier: { publicKey: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
      },
    },
  });
}
