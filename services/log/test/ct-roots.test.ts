import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodePem } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import type { Logger } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import fc from 'fast-check';
import { mergeRoots, readRoots } from '../src/core/ct/roots.ts';
import type { LogSpec, RootSource } from '../src/index.ts';
import { chainFileRoots, fileRoots } from '../src/roots/file-roots.ts';
import { RootFollower } from '../src/roots/root-follower.ts';
import { fetchOverNetwork, rootsOfBundle, trustBundleRoots } from '../src/roots/trust-bundle.ts';
import { certificate, isCa, POISON, type TestCertificate } from './support/certificates.ts';
import { startServer, type TestServer } from './support/server.ts';
import { sha256 } from './support/test-log.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const entity = certificate({ subject: 'entity', extensions: [POISON] });

interface Ca {
  root: TestCertificate;
  issuing: TestCertificate;
  /** A chain without its root that no log has seen. */
  chain(): Buffer[];
}

let count = 0;
function newCa(name: string, root = certificate({ subject: name, extensions: [isCa()] })): Ca {
  const issuing = certificate({ subject: `${name} issuing`, issuer: root, extensions: [isCa(0)] });
  const precert = (): Buffer =>
    certificate({ subject: `leaf ${count++}`, issuer: issuing, extensions: [POISON], key: entity }).der;
  return { root, issuing, chain: () => [precert(), issuing.der] };
}

const fingerprint = (one: TestCertificate): string => Buffer.from(sha256(one.der)).toString('hex');

/** A source that holds what the test says. Looked at by itself only once a day. */
function source(options: Partial<RootSource> & { holds?: TestCertificate[] }): RootSource & {
  holds: TestCertificate[] | Error;
  looks: number;
  read(): Promise<Uint8Array[]>;
} {
  return {
    name: 'https://ca.example.com/bundle',
    everyMs: 86_400_000,
    lasting: true,
    remote: true,
    looks: 0,
    ...options,
    holds: options.holds ?? [],
    read() {
      this.looks += 1;
      return this.holds instanceof Error
        ? Promise.reject(this.holds)
        : Promise.resolve(this.holds.map(({ der }) => der));
    },
  };
}

interface Line {
  level: string;
  text: string;
  fields: Record<string, unknown>;
}

function listener(): { lines: Line[]; logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push({ level, text, fields: fields as Record<string, unknown> });
  };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return { lines, logger };
}

const spec = (sources: readonly RootSource[], more: Partial<LogSpec> = {}): LogSpec => ({
  name: 'ct1',
  origin: 'ct.example.com',
  kind: 'ct',
  signer,
  rootSources: sources,
  create: true,
  ...more,
});

async function started(
  t: TestContext,
  sources: readonly RootSource[],
  more: Partial<LogSpec> & { database?: TestDatabase; logger?: Logger } = {},
): Promise<TestServer> {
  const { database, logger, ...rest } = more;
  const server = await startServer({
    logs: [spec(sources, rest)],
    ...(database === undefined ? {} : { database }),
    ...(logger === undefined ? {} : { logger }),
  });
  t.after(() => server.close());
  return server;
}

async function ownDatabase(t: TestContext): Promise<TestDatabase> {
  const database = await testDatabase();
  t.after(() => database.drop());
  return database;
}

const add = (server: TestServer, ca: Ca): Promise<unknown> => server.handle.ct('ct1').addPreChain(ca.chain());

async function roots(server: TestServer): Promise<string[]> {
  const answer = await fetch(`${server.url}/ct/ct1/ct/v1/get-roots`);
  const { certificates } = (await answer.json()) as { certificates: string[] };
  return certificates.map((each) => Buffer.from(sha256(Buffer.from(each, 'base64'))).toString('hex'));
}

async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, 'it did not come to hold');
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

test('a CA that was rotated is followed at once: its first chain is the reason to look, and it is logged', async (t) => {
  const [before, after] = [newCa('before'), newCa('after')];
  const bundle = source({ holds: [before.root] });
  const server = await started(t, [bundle]);
  await eventually(async () => (await roots(server)).length === 1);
  await add(server, before);
  bundle.holds = [before.root, after.root];
  const looks = bundle.looks;
  await Promise.all([add(server, after), add(server, after), add(server, after)]);
  assert.equal(bundle.looks, looks + 1, 'those who come at the same time share a look');
  await assert.rejects(add(server, newCa('stranger')), { code: 'entry_refused' });
  assert.deepEqual(
    await roots(server),
    [before, after].map(({ root }) => fingerprint(root)),
  );
});

test('chains that lead nowhere make the log look once in a while, not for each of them', async () => {
  const bundle = source({ holds: [newCa('ca').root] });
  const { logger } = listener();
  const metrics = { accepted: () => undefined, read: () => undefined };
  const store = {
    seen: () => Promise.resolve([]),
    seenElsewhere: () => Promise.resolve([]),
    remember: () => Promise.resolve(),
  };
  const made = { fixed: [], rejected: new Set<string>(), store, sha256, logger, metrics };
  const follower = new RootFollower({
    ...made,
    sources: [{ ...bundle, read: () => bundle.read(), remote: false }],
    askedMs: 3_600_000,
  });
  await follower.start();
  assert.equal(bundle.looks, 1);
  await Promise.all([follower.lookAgain(), follower.lookAgain()]);
  await follower.lookAgain();
  assert.equal(bundle.looks, 2);
  await follower.close();
  const other = new RootFollower({ ...made, sources: [{ ...bundle, read: () => bundle.read() }], askedMs: 0 });
  await other.lookAgain();
  await other.lookAgain();
  assert.equal(bundle.looks, 4);
  await other.close();
});

test('what was seen stays accepted: while the source is away, after a restart, when it shows less', async (t) => {
  const [first, second] = [newCa('first'), newCa('second')];
  const bundle = source({ holds: [first.root, second.root] });
  const database = await ownDatabase(t);
  const one = await started(t, [bundle], { database });
  await add(one, second);
  bundle.holds = new Error('nobody answers');
  const { lines, logger } = listener();
  const two = await started(t, [bundle], { database, logger, create: false });
  await add(two, first);
  await eventually(() =>
    lines.some(({ level, text }) => level === 'error' && /cannot be read from their source/.test(text)),
  );
  assert.match(await two.metrics.text(), /sigstead_ct_root_reads_total\{log="ct1",[^}]*outcome="failed"\} 1/);
  bundle.holds = [second.root];
  // A chain that leads nowhere makes it look.
  await assert.rejects(add(two, newCa('stranger')), { code: 'entry_refused' });
  await add(two, first);
  const gone = lines.find(({ text }) => /no longer has these/.test(text));
  assert.deepEqual(gone?.fields['roots'], [fingerprint(first.root)]);
  assert.match(await two.metrics.text(), /sigstead_ct_accepted_roots\{log="ct1"\} 2/);
});

test('a source that was never reached makes an unknown root a matter of later, one that was makes it a refusal', async (t) => {
  const ca = newCa('ca');
  const bundle = source({});
  bundle.holds = new Error('not yet');
  const server = await started(t, [bundle]);
  await assert.rejects(add(server, ca), { code: 'unavailable' });
  const chain = ca.chain().map((der) => der.toString('base64'));
  const answer = await fetch(`${server.url}/ct/ct1/ct/v1/add-pre-chain`, {
    method: 'POST',
    body: JSON.stringify({ chain }),
  });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '1');
});

test('what the operator writes counts as it is: added, taken out, and broken without effect', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-roots-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'roots.pem');
  const pem = (...all: TestCertificate[]): string => all.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
  const [first, second] = [newCa('first'), newCa('second')];
  await writeFile(file, pem(first.root));
  const { lines, logger } = listener();
  const server = await started(t, [{ ...fileRoots(file), everyMs: 20 }], { logger });
  await add(server, first);
  await writeFile(file, pem(first.root, second.root));
  await eventually(async () => (await roots(server)).length === 2);
  await add(server, second);
  const failures = (): number => lines.filter(({ level }) => level === 'error').length;
  for (const broken of [
    '',
    'no PEM',
    pem(entity),
    `${pem(second.root)}-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n`,
  ]) {
    const before = failures();
    await writeFile(file, broken);
    await eventually(() => failures() > before);
    assert.equal((await roots(server)).length, 2);
    await writeFile(file, pem(first.root, second.root));
    await eventually(() => lines.at(-1)?.text === 'accepted roots can be read again');
  }
  await writeFile(file, pem(second.root));
  await eventually(async () => (await roots(server)).length === 1);
  assert.deepEqual(lines.at(-1)?.fields['removed'], [fingerprint(first.root)]);
  await assert.rejects(add(server, first), { code: 'entry_refused' });
  await assert.rejects(startServer({ logs: [spec([fileRoots(join(folder, 'none'))])] }), { code: 'misconfigured' });
});

test('a chain file is followed by its last certificate, and the roots before it stay', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-roots-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'chain.pem');
  const chain = ({ issuing, root }: Ca): string =>
    encodePem('CERTIFICATE', issuing.der) + encodePem('CERTIFICATE', root.der);
  const [old, young] = [newCa('old'), newCa('young')];
  await writeFile(file, chain(old));
  const database = await ownDatabase(t);
  const server = await started(t, [chainFileRoots(file)], { database });
  await add(server, old);
  await writeFile(file, chain(young));
  await add(server, young);
  await add(server, old);
  const restarted = await started(t, [chainFileRoots(file)], { database, create: false });
  await add(restarted, old);
  assert.deepEqual(
    await roots(restarted),
    [old, young].map(({ root }) => fingerprint(root)),
  );
});

test('a root that was seen stays when its CA gives its chain under another name, until it is rejected or all is written down', async (t) => {
  const [old, young] = [newCa('old'), newCa('young')];
  const database = await ownDatabase(t);
  const before = await started(t, [source({ name: '/etc/ca-1.pem', holds: [old.root] })], { database });
  await eventually(async () => (await roots(before)).length === 1);
  const moved = source({ name: '/etc/ca-2.pem', holds: [young.root] });
  const after = await started(t, [moved], { database, create: false });
  await eventually(async () => (await roots(after)).length === 2);
  await add(after, old);
  const rejecting = await started(t, [moved], { database, create: false, rejectedRoots: [fingerprint(old.root)] });
  await assert.rejects(add(rejecting, old), { code: 'entry_refused' });
  const written = source({ name: '/etc/roots.pem', lasting: false, remote: false, holds: [young.root] });
  const fixed = await started(t, [written], { database, create: false });
  assert.deepEqual(await roots(fixed), [fingerprint(young.root)]);
});

test('a rejected root is none, wherever it comes from; a source that holds something else is taken not at all', async (t) => {
  const [good, bad] = [newCa('good'), newCa('bad')];
  const bundle = source({ holds: [good.root, bad.root] });
  const rejectedRoots = [fingerprint(bad.root)];
  const server = await started(t, [bundle], { rejectedRoots, acceptedRoots: [bad.root.der] });
  await add(server, good);
  await assert.rejects(add(server, bad), { code: 'entry_refused' });
  assert.deepEqual(await roots(server), [fingerprint(good.root)]);
  for (const ders of [[], [entity.der], [good.root.der, Buffer.from('x')], Array<Buffer>(1001).fill(good.root.der)]) {
    assert.throws(() => readRoots(ders, sha256), { code: 'misconfigured' });
  }
  await assert.rejects(startServer({ logs: [spec([], { acceptedRoots: [entity.der] })] }), { code: 'misconfigured' });
});

test('roots of one name, and of one key, are each their own bytes', async (t) => {
  const name = 'the same name';
  const [one, two] = [newCa(name), newCa(name)];
  const reissued = newCa(name, certificate({ subject: name, extensions: [isCa()], key: one.root }));
  const server = await started(t, [], { acceptedRoots: [one.root.der, two.root.der, one.root.der] });
  assert.deepEqual(
    await roots(server),
    [one, two].map(({ root }) => fingerprint(root)),
  );
  for (const ca of [one, two]) await server.handle.ct('ct1').addPreChain([...ca.chain(), ca.root.der]);
  // Its key signed it, so the accepted one of that key stands in its place; sent along, it is another certificate.
  await add(server, reissued);
  await server.handle.ct('ct1').addPreChain([...reissued.chain(), reissued.root.der, one.root.der]);
  const three = newCa(name);
  await assert.rejects(add(server, three), { code: 'entry_refused' });
  await assert.rejects(server.handle.ct('ct1').addPreChain([...three.chain(), three.root.der]), {
    code: 'entry_refused',
  });
});

test('merging keeps each root once, in order, whatever the lists', () => {
  const made = Array.from({ length: 5 }, (_, i) => certificate({ subject: `merged ${i}`, extensions: [isCa()] }));
  const all = readRoots(
    made.map(({ der }) => der),
    sha256,
  );
  const pick = fc.array(
    fc.nat(4).map((i) => all[i]!),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(fc.array(pick, { maxLength: 4 }), fc.nat(4), (lists, out) => {
      const rejected = new Set([all[out]!.fingerprint]);
      const merged = mergeRoots(lists, rejected);
      const expected = [...new Set(lists.flat())].filter((root) => !rejected.has(root.fingerprint));
      assert.deepEqual(merged, expected);
    }),
  );
});

const bundleOf = (...chains: TestCertificate[][]): string =>
  JSON.stringify({
    chains: chains.map((chain) => ({ certificates: chain.map(({ der }) => encodePem('CERTIFICATE', der)) })),
  });

test('of a trust bundle the last certificate of each chain is the root; anything else is refused with a code', () => {
  const ca = newCa('ca');
  const other = newCa('other');
  const body = Buffer.from(bundleOf([ca.issuing, ca.root], [other.root]));
  assert.deepEqual(
    rootsOfBundle(body).map((der) => Buffer.from(der)),
    [ca.root.der, other.root.der],
  );
  const bad = [
    '',
    '{}',
    '[]',
    '{"chains":[]}',
    '{"chains":{}}',
    '{"chains":[null]}',
    '{"chains":[{}]}',
    '{"chains":[{"certificates":[]}]}',
    '{"chains":[{"certificates":[1]}]}',
    '{"chains":[{"certificates":["x"]}]}',
    `{"chains":[{"certificates":[${JSON.stringify(encodePem('PRIVATE KEY', Buffer.of(1)))}]}]}`,
    JSON.stringify({
      chains: Array.from({ length: 101 }, () => ({ certificates: [encodePem('CERTIFICATE', ca.root.der)] })),
    }),
  ];
  for (const text of bad)
    assert.throws(
      () => rootsOfBundle(Buffer.from(text)),
      (error: { code?: string }) => error.code !== undefined,
      text,
    );
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      try {
        rootsOfBundle(Buffer.from(text));
      } catch (error) {
        assert.notEqual((error as { code?: string }).code, undefined, String(error));
      }
    }),
  );
});

async function answering(t: TestContext, listen: RequestListener): Promise<URL> {
  const server: Server = createServer(listen);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/trustBundle`);
}

test('a trust bundle is fetched once, whole, in time and from nowhere else', async (t) => {
  const ca = newCa('ca');
  const answers: Record<string, RequestListener> = {
    redirect: (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(bundleOf([ca.root])),
    missing: (_request, response) => response.writeHead(404).end(bundleOf([ca.root])),
    'too long': (_request, response) => response.end(' '.repeat(2 ** 20) + bundleOf([ca.root])),
    'another protocol': (_request, response) => response.writeHead(101, { upgrade: 'x', connection: 'upgrade' }).end(),
    'cut off': (_request, response) => {
      response.writeHead(200, { 'content-length': '10000' }).write('{"chains":');
      response.destroy();
    },
  };
  for (const [name, listen] of Object.entries(answers)) {
    const url = await answering(t, listen);
    const bundle = trustBundleRoots({ url, fetchBytes: fetchOverNetwork() });
    await assert.rejects(Promise.resolve(bundle.read(AbortSignal.timeout(5000))), Error, name);
  }
  const silent = await answering(t, () => undefined);
  const bundle = trustBundleRoots({ url: silent, fetchBytes: fetchOverNetwork() });
  await assert.rejects(Promise.resolve(bundle.read(AbortSignal.timeout(50))), { name: 'AbortError' });
  const good = await answering(t, (request, response) =>
    response.end(request.url === silent.pathname ? bundleOf([ca.issuing, ca.root]) : ''),
  );
  const found = await trustBundleRoots({ url: good, fetchBytes: fetchOverNetwork() }).read(AbortSignal.timeout(5000));
  assert.deepEqual(
    found.map((der) => Buffer.from(der)),
    [ca.root.der],
  );
});
