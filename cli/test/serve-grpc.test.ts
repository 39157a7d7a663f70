import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { encodeWire, type WireSchema } from '@sigstead/formats';
import { freePort, GrpcClient, type GrpcReply, type TestDatabase, testCertificate, testDatabase } from '@sigstead/test';
import { Children, command, install, makeSite, type Site, stopped, workerPids } from './serve-support.ts';

const CREATE = '/dev.sigstore.rekor.v2.Rekor/CreateEntry';

const bytes = (number: number) => ({ number, kind: 'bytes' }) as const;
const VERIFIER = {
  key: { number: 1, kind: 'message', message: { raw: bytes(1) } },
  details: { number: 3, kind: 'int32' },
} as const satisfies WireSchema;
const SIGNATURE = {
  content: bytes(1),
  verifier: { number: 2, kind: 'message', message: VERIFIER },
} as const satisfies WireSchema;
const ENTRY = {
  digest: bytes(1),
  signature: { number: 2, kind: 'message', message: SIGNATURE },
} as const satisfies WireSchema;
const REQUEST = { entry: { number: 1, kind: 'message', message: ENTRY } } as const satisfies WireSchema;

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const raw = publicKey.export({ type: 'spki', format: 'der' });

/** A request that nobody has made before, with an RSA key: PKIX_RSA_PKCS1V15_2048_SHA256 is 9. */
function request(text: string): Buffer {
  const content = sign('sha256', Buffer.from(text), privateKey);
  const digest = hash('sha256', text, 'buffer');
  return encodeWire(REQUEST, { entry: { digest, signature: { content, verifier: { key: { raw }, details: 9 } } } });
}

let database: TestDatabase;
let site: Site;
let port: number;
let tls: { cert: string; key: string };
const children = new Children();
before(async () => {
  database = await testDatabase();
  site = await makeSite(database.connectionString);
  port = await freePort();
  tls = await testCertificate();
  await writeFile(join(site.folder, 'tls.crt'), tls.cert);
  await writeFile(join(site.folder, 'tls.key'), tls.key, { mode: 0o600 });
  const grpc = `grpc: {listen: localhost:${port}, tls: {certFile: tls.crt, keyFile: tls.key}}`;
  await site.rewrite('keyFile: rekor.key,', `keyFile: rekor.key, ${grpc},`);
  await install(site);
});
after(async () => {
  await children.close();
  await site.close();
  await database.drop();
});

suite('a log over gRPC', { timeout: 120_000 }, () => {
  test('config check reads the certificate with its key, and says which of them cannot be used', async () => {
    const good = await command('config', 'check', site.configFile);
    assert.equal(good.code, 0, good.output);
    await writeFile(join(site.folder, 'tls.key'), (await testCertificate()).key);
    const other = await command('config', 'check', site.configFile);
    assert.equal(other.code, 1);
    assert.match(
      other.output,
      /logs\[0\]\.grpc\.tls\.certFile: .*tls\.crt and .*tls\.key are no certificate with its key/,
    );
    await writeFile(join(site.folder, 'tls.key'), tls.key);
  });

  test('all workers answer on the port, with TLS; what is under way at the end is answered, and nothing stays', async () => {
    const two = await children.serve(site, '--workers', '2');
    assert.equal(workerPids(two).size, 2);
    const clients = Array.from({ length: 24 }, () => new GrpcClient(port, { ca: tls.cert, host: 'localhost' }));
    try {
      const calls = clients.map((client, i) => client.call(CREATE, request(`entry ${i}`)));
      for (const { code, text } of await Promise.all(calls)) assert.deepEqual([code, text], [0, 'OK']);
      const metrics = await (await fetch(site.metricsUrl)).text();
      const counted = [
        ...metrics.matchAll(/^grpc_server_handled_total\{.*CreateEntry.*"OK".*worker="(\d)"\} (\d+)$/gm),
      ];
      assert.equal(
        counted.reduce((sum, [, , count]) => sum + Number(count), 0),
        24,
        metrics,
      );
      const late: Promise<GrpcReply>[] = clients.map((client, i) => client.call(CREATE, request(`late ${i}`)));
      await stopped(two);
      // Those that the server had taken were answered, the others have no status; none was broken off with an error.
      for (const { code } of await Promise.all(late))
        assert.ok(code === 0 || code === undefined || code === 14, `${code}`);
    } finally {
      for (const client of clients) client.destroy();
    }
  });
});
