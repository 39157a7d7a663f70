import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { command, install, makeSite, type Site } from './serve-support.ts';

suite('bad starts say in one line what to do', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let site: Site;
  /** Another installation over the same database. */
  let other: Site;
  let text: string;
  before(async () => {
    database = await testDatabase();
    site = await makeSite(database.connectionString);
    await install(site);
    other = await makeSite(database.connectionString);
    text = await readFile(other.configFile, 'utf8');
  });
  after(async () => {
    await other.close();
    await site.close();
    await database.drop();
  });

  async function refused(from: string | RegExp, to: string): Promise<string> {
    try {
      await other.rewrite(from, to);
      const { code, output } = await command('serve', '--config', other.configFile);
      assert.equal(code, 1, output);
      assert.equal(output.match(/^sigstead: /gm)?.length, 1, output);
      return output;
    } finally {
      await writeFile(other.configFile, text);
    }
  }

  test('no configuration', async () => {
    const { code, output } = await command('serve', '--config', '/nonexistent/x.yaml');
    assert.equal(code, 1);
    assert.match(output, /^sigstead: cannot read .*ENOENT.*print-example shows one\n$/);
  });

  test('a ready file that cannot be written', async () => {
    const readyFile = join(other.configFile, 'ready.json');
    const { code, output } = await command('serve', '--config', other.configFile, '--ready-file', readyFile);
    assert.equal(code, 1);
    assert.match(output, /^sigstead: cannot write the ready file \S+: .*\n$/);
  });

  test('a database that does not answer', async () => {
    assert.match(await refused(/url: postgres.*/, 'url: postgresql://u@127.0.0.1:1/d'), /database: .*ECONNREFUSED/);
  });

  test('a password that the environment does not have', async () => {
    assert.match(
      await refused('  migrate: never', '  passwordEnv: SIGSTEAD_NO_SUCH'),
      /passwordEnv: the environment has no SIGSTEAD_NO_SUCH/,
    );
  });

  test('a key that is not there', async () => {
    assert.match(
      await refused('keyFile: rekor.key', 'keyFile: none.key'),
      /logs\[0\]\.keyFile: cannot read .*none\.key/,
    );
  });

  test('every file that cannot be used, at once', async () => {
    try {
      await other.rewrite('keyFile: ct.key', 'keyFile: ca.crt');
      await other.rewrite('snapshot: snapshot.key', 'snapshot: none.key');
      await other.rewrite('type: email', 'type: mail');
      const { code, output } = await command('config', 'check', other.configFile);
      assert.equal(code, 1);
      assert.match(
        output,
        /^sigstead: ca\.issuers: .*mail.*; logs\[1\]\.keyFile: .*; tuf\.keys\.snapshot: cannot read .*\n$/,
      );
    } finally {
      await writeFile(other.configFile, text);
    }
  });

  test('a key that is not the certificate’s', async () => {
    assert.match(
      await refused('chainFile: ca.crt', 'chainFile: ca-root.crt'),
      /ca\.keyFile: .*is not the key of the first/,
    );
  });

  test('a log with another key than it was made with', async () => {
    assert.match(await refused(/^$/m, ''), /log "rekor" was made with .*another key/);
  });

  test('a port that is taken, also with several workers', async () => {
    const server = createServer();
    const port = Number(new URL(site.url).port);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      for (const workers of ['1', '2']) {
        const { code, output } = await command('serve', '--config', site.configFile, '--workers', workers);
        assert.equal(code, 1);
        assert.match(output, /port \d+ is taken by another program: change it in the configuration, or free it\n$/);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
