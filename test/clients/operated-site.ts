import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { freePort } from '../support/index.ts';
import type { DebianPostgres } from './debian-postgres.ts';
import { entryBody } from './exported-log.ts';
import { ServeProcess, sigstead } from './serve-process.ts';

/** What an operator has made with `sigstead init`, over whatever database is put in place. */
export class OperatedSite {
  readonly folder: string;
  readonly configFile: string;
  readonly url: string;
  #process: ServeProcess | undefined;
  /** A new log has one entry of the instance's own. */
  #entries = 1;
  readonly #bodyOf = entryBody();

  private constructor(folder: string, url: string) {
    this.folder = folder;
    this.configFile = join(folder, 'sigstead.yaml');
    this.url = url;
  }

  static async make(folder: string): Promise<OperatedSite> {
    const site = new OperatedSite(folder, `http://localhost:${await freePort()}`);
    const { host } = new URL(site.url);
    await site.ok('init', folder, '--url', site.url, '--listen', host, '--database', 'postgresql://none');
    const pem = await readFile(join(folder, 'keys/rekor.key.pem'), 'utf8');
    await writeFile(join(folder, 'rekor.pub'), createPublicKey(pem).export({ type: 'spki', format: 'pem' }));
    await site.#edit('# passwordEnv', 'passwordEnv');
    await site.#edit('127.0.0.1:9464', `127.0.0.1:${await freePort()}`);
    return site;
  }

  urlOf(...servers: readonly DebianPostgres[]): string {
    return `postgresql://sigstead@${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}/sigstead`;
  }

  use(...servers: readonly DebianPostgres[]): Promise<void> {
    return this.#edit(/url: "postgresql:.*"/, `url: "${this.urlOf(...servers)}"`);
  }

  async create(): Promise<void> {
    await this.ok('migrate', '--config', this.configFile);
    for (const name of ['rekor', 'ct']) await this.ok('log', 'create', '--config', this.configFile, name);
  }

  async ok(...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await sigstead(...args);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  }

  async start(): Promise<void> {
    this.#process = await ServeProcess.start(this.configFile);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  status(): ReturnType<typeof sigstead> {
    return sigstead('log', 'status', '--config', this.configFile, 'rekor');
  }

  /** What the page asks before the servers are started. */
  async isRight(size: number): Promise<void> {
    const { code, stdout, stderr } = await this.status();
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`^size +${size}$`, 'm'));
    const [url = ''] = /postgresql:[^"]*/.exec(await readFile(this.configFile, 'utf8')) ?? [];
    for (const server of url.replace(/.*@(.*)\/sigstead/, '$1').split(',')) {
      const one = url.replace(/@.*\//, `@${server}/`);
      if ((await sigstead('fsck', one, 'rekor')).code === 0) return;
    }
    assert.fail('no server passes fsck');
  }

  post(): Promise<Response> {
    return fetch(`${this.url}/api/v2/log/entries`, { method: 'POST', body: this.#bodyOf(this.#entries) });
  }

  /** Each gets the index after the last one that was acknowledged. */
  async append(count: number): Promise<void> {
    for (const end = this.#entries + count; this.#entries < end; this.#entries += 1) {
      const answer = await this.post();
      const text = await answer.text();
      assert.equal(answer.status, 201, text);
      assert.equal((JSON.parse(text) as { logIndex: string }).logIndex, String(this.#entries));
    }
  }

  async untilUnready(wanted: RegExp): Promise<{ reason: string }> {
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`);
      const reason = await answer.text();
      if (answer.status === 503 && wanted.test(reason)) return { reason };
      await delay(50);
    }
  }

  async untilReady(): Promise<void> {
    while ((await fetch(`${this.url}/readyz`)).status !== 200) await delay(50);
  }

  /** Files of the log's mark. */
  async marks(): Promise<string[]> {
    const state = join(this.folder, 'state');
    return (await readdir(state)).filter((name) => name.startsWith('log-rekor.')).map((name) => join(state, name));
  }

  /** Another log in the place of the old one, which the trust root goes on to name, with its end. */
  async replaceLog(): Promise<{ publicUrl: string; url: string }> {
    const port = await freePort();
    // Its origin is its host name, and no other log's.
    const publicUrl = `http://rekor-2.localhost:${port}`;
    await writeFile(join(this.folder, 'keys/rekor-2.key.pem'), generatePrivateKeyPem('ecdsa-p256-sha256'), {
      mode: 0o600,
    });
    const text = await readFile(this.configFile, 'utf8');
    const { host } = new URL(this.url);
    const changed = text
      .replace(
        /- name: rekor\n[^]*?rekor\.key\.pem/,
        `- name: rekor-2\n    kind: rekor-v2\n    listen: "localhost:${port}"\n    publicUrl: ${publicUrl}\n    keyFile: keys/rekor-2.key.pem`,
      )
      .replace(
        'oidcUrls: []',
        `oidcUrls: []\n  alsoTrust:\n    rekorLogs:\n      - url: ${this.url}\n        publicKeyFile: rekor.pub\n        validUntil: "${new Date().toISOString()}"`,
      );
    assert.ok(changed.includes('rekor-2') && changed.includes('alsoTrust') && changed.includes(host));
    await writeFile(this.configFile, changed);
    return { publicUrl, url: `http://localhost:${port}` };
  }

  async trustedRoot(): Promise<{ tlogs: { baseUrl: string; publicKey: { validFor: { end?: string } } }[] }> {
    const targets = (await (await fetch(`${this.url}/tuf/timestamp.json`)).json()) as {
      signed: { meta: Record<string, { version: number }> };
    };
    const version = targets.signed.meta['snapshot.json']?.version ?? 0;
    const snapshot = (await (await fetch(`${this.url}/tuf/${version}.snapshot.json`)).json()) as typeof targets;
    const at = snapshot.signed.meta['targets.json']?.version ?? 0;
    const list = (await (await fetch(`${this.url}/tuf/${at}.targets.json`)).json()) as {
      signed: { targets: Record<string, { hashes: { sha256: string } }> };
    };
    const { sha256 } = list.signed.targets['trusted_root.json']?.hashes ?? assert.fail('no trusted root');
    const answer = await fetch(`${this.url}/tuf/targets/${sha256}.trusted_root.json`);
    return (await answer.json()) as Awaited<ReturnType<OperatedSite['trustedRoot']>>;
  }

  async #edit(from: string | RegExp, to: string): Promise<void> {
    const text = await readFile(this.configFile, 'utf8');
    assert.ok(text.search(from) !== -1, String(from));
    await writeFile(
      this.configFile,
      text.replace(from, () => to),
    );
  }
}
