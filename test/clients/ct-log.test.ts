import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { decodeSctList, findExtension, Oid, parseCertificate, readDer, type Sct } from '@sigstead/formats';
import { leafOf, type Sample, type Verifier } from './bundle.ts';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { type Ended, inParallel, run, runOk } from './process.ts';
import { clientsFor } from './signers.ts';
import { flip, type Tampering, tamperingProxy } from './tampering-proxy.ts';
import { ctclient, goStaticCt } from './tools.ts';
import { sharedWorkbench, type Workbench } from './workbench.ts';

/** More than a full tile. */
const CERTIFICATES = 260;

interface FoundLog {
  size: number;
  root: string;
  entries: { type: string; timestamp: number; leafHash: string; sha256: string; issuers: string[] }[];
}

const KINDS = [
  { name: 'a CT log whose entries name their index', leafIndex: true, ...needs(ctclient, goStaticCt) },
  { name: 'a CT log of RFC 6962 alone', leafIndex: false, ...needs(ctclient) },
];

// All are there before the first test is declared: the runner's end comes when no declared test is left.
const prepared = await Promise.all(KINDS.map(async (kind) => (kind.skip === false ? prepare(kind) : undefined)));
for (const [i, { name, skip }] of KINDS.entries()) {
  const one = prepared[i];
  if (one === undefined) describe(name, { skip }, () => test('is read by strangers'));
  else describe(name, () => suite(one));
}

interface Prepared {
  readonly leafIndex: boolean;
  readonly bench: Workbench;
  readonly samples: readonly Sample[];
  readonly verifiers: readonly Verifier[];
  readonly log: CtLog;
}

async function prepare({ leafIndex }: { leafIndex: boolean }): Promise<Prepared> {
  const bench = await sharedWorkbench(leafIndex ? { args: ['--ct-leaf-index'] } : {});
  const { signers, verifiers } = await clientsFor(bench);
  const samples: Sample[] = [];
  for (const signer of signers) samples.push(await signer.message(Buffer.from(`signed by ${signer.name}\n`)));
  return { leafIndex, bench, samples, verifiers, log: await ctLogOf(bench) };
}

function suite({ leafIndex, bench, samples, verifiers, log }: Prepared): void {
  for (const sample of samples) {
    const what = leafIndex ? 'names an index' : 'has no extension';
    test(`fulcio.md 63: ${sample.name}: its SCT ${what}, and every client verifies it`, async () => {
      assert.match(
        Buffer.from(sctOf(leafOf(sample.bundle)).extensions).toString('hex'),
        leafIndex ? /^000005[0-9a-f]{10}$/ : /^$/,
      );
      for (const verifier of verifiers) await verifier.verify(sample);
    });
  }
  rfc6962(bench, log, { leafIndex, sample: samples[0] ?? assert.fail() });
  if (leafIndex) staticCt(bench, log);
}

/** The one SCT that is embedded in a certificate. */
function sctOf(der: Uint8Array): Sct {
  const extension = findExtension(parseCertificate(der), Oid.ctSctList) ?? assert.fail();
  const [sct, ...more] = decodeSctList(readDer(extension.value).octetString());
  assert.ok(sct !== undefined && more.length === 0);
  return sct;
}

interface CtLog {
  readonly url: string;
  readonly origin: string;
  readonly key: string;
  readonly folder: string;
}

async function ctLogOf({ instance }: Workbench): Promise<CtLog> {
  const folder = await temporaryFolder();
  const key = join(folder, 'ct.pem');
  const pem = await readFile(join(instance.dataDir, 'keys', 'ct.key.pem'));
  await writeFile(key, createPublicKey(pem).export({ type: 'spki', format: 'pem' }));
  const url = `${instance.url}/ct/dev`;
  return { url, origin: url.replace('http://', ''), key, folder };
}

function rfc6962(bench: Workbench, log: CtLog, { leafIndex, sample }: { leafIndex: boolean; sample: Sample }): void {
  const at = (...args: string[]): string[] => [...args, '--log_uri', log.url, '--pub_key', log.key];
  const ask = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await runOk(programOf(ctclient), at(...args));
    return stdout + stderr;
  };
  const sth = async (): Promise<{ size: number; hash: string }> => {
    const text = await ask('get-sth');
    const [, size = '', hash = ''] = /\(size=(\d+)\).* hash ([0-9a-f]{64})/.exec(text) ?? assert.fail(text);
    return { size: Number(size), hash };
  };

  test('ctclient: an uploaded chain gets an SCT that it verifies, and the entry is in the tree at once', async () => {
    const before = await sth();
    const chain = join(log.folder, 'chain.pem');
    const issuers = await (await fetch(`${bench.instance.url}/api/v1/rootCert`)).text();
    await writeFile(chain, `${new X509Certificate(leafOf(sample.bundle)).toString()}${issuers}\n`);
    const upload = (): Promise<string> => ask('upload', '--cert_chain', chain);
    const [first, second] = [await upload(), await upload()];
    const part = (text: string, pattern: RegExp): string => pattern.exec(text)?.[1] ?? assert.fail(text);
    const timestamp = part(first, /timestamp: (\d+)/);
    const leafHash = part(first, /LeafHash: ([0-9a-f]{64})/);
    const extensions = /Extensions: ([0-9a-f]+)/.exec(first)?.[1] ?? '';
    assert.equal(extensions, leafIndex ? `000005${before.size.toString(16).padStart(10, '0')}` : '');
    assert.deepEqual(
      [part(second, /timestamp: (\d+)/), part(second, /LeafHash: ([0-9a-f]{64})/)],
      [timestamp, leafHash],
    );
    const now = await sth();
    assert.equal(now.size, before.size + 1, 'the second time it was there');
    assert.match(await ask('get-inclusion-proof', '--leaf_hash', leafHash), new RegExp(`index ${before.size}\\b`));
    const again = ['--timestamp', timestamp, ...(extensions === '' ? [] : ['--extensions', extensions])];
    assert.match(
      await ask('get-inclusion-proof', '--cert_chain', chain, ...again),
      new RegExp(`index ${before.size}\\b`),
    );
    const grown = [
      '--size',
      String(now.size),
      '--tree_hash',
      now.hash,
      '--prev_size',
      String(before.size),
      '--prev_hash',
      before.hash,
    ];
    assert.match(await ask('get-consistency-proof', ...grown), /Verified that hash/);
    const forked = grown.map((word) => (word === before.hash ? '00'.repeat(32) : word));
    assert.notEqual((await run(programOf(ctclient), at('get-consistency-proof', ...forked))).code, 0);
  });

  test('ctclient: entries with their chains, and roots', async () => {
    const { size } = await sth();
    const entries = await ask('get-entries', '--first', '0', '--last', String(size - 1), '--chain');
    assert.equal(entries.match(/^Index=\d+/gm)?.length, size);
    // fulcio.md 62: the precertificate as it was submitted, of the very certificate that was handed out.
    assert.match(
      entries,
      new RegExp(BigInt(`0x${new X509Certificate(leafOf(sample.bundle)).serialNumber}`).toString()),
    );
    assert.match(entries, /pre-certificate/);
    assert.match(await ask('get-roots'), /CN=sigstead development CA root/);
  });

  test('ctclient: does not believe a head of another key, nor one that was changed on the way', async (t) => {
    const other = join(log.folder, 'other.pem');
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(other, publicKey.export({ type: 'spki', format: 'pem' }));
    const asked = (url: string, key: string): Promise<Ended> =>
      run(programOf(ctclient), ['get-sth', '--log_uri', url, '--pub_key', key]);
    assert.notEqual((await asked(log.url, other)).code, 0);
    const change = (bytes: Buffer): Buffer => Buffer.from(bytes.toString().replace('"tree_size":', '"tree_size":1'));
    const proxy = await tamperingProxy(bench.instance.url, { path: /get-sth/, change });
    t.after(() => proxy.close());
    assert.notEqual((await asked(`${proxy.url}/ct/dev`, log.key)).code, 0);
  });
}

function staticCt(bench: Workbench, log: CtLog): void {
  const read = (url = log.url, origin = log.origin, key = log.key): Promise<Ended> =>
    run(programOf(goStaticCt), [url, origin, key]);
  const found = async (): Promise<FoundLog> => {
    const { code, stdout, stderr } = await read();
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as FoundLog;
  };

  test('static-ct-api: Go libraries of others prove every entry, past a full tile, and find every issuer', async () => {
    const before = await found();
    const certificates = await issue(bench, CERTIFICATES);
    const now = await found();
    assert.equal(now.size, before.size + CERTIFICATES);
    assert.deepEqual(now.entries.slice(0, before.size), before.entries);
    const chain = await (await fetch(`${bench.instance.url}/api/v1/rootCert`)).text();
    const issuers = chain
      .split(/(?<=-----END CERTIFICATE-----)/)
      .filter((pem) => pem.includes('BEGIN'))
      .map((pem) => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex'));
    for (const entry of now.entries) assert.deepEqual(entry.issuers, issuers);
    assert.equal(
      now.entries.filter(({ type }) => type === 'precert').length,
      now.size - 1,
      'one was uploaded as it is',
    );
    assert.equal(new Set(certificates).size, CERTIFICATES);
  });

  const TAMPERINGS: (Tampering & { what: string })[] = [
    { what: 'a checkpoint', path: /\/checkpoint$/, change: flip(40) },
    { what: 'an entry of a full data tile', path: /\/tile\/data\/000$/, change: flip(60) },
    { what: 'the index of an entry', path: /\/tile\/data\/001/, change: (bytes) => moved(bytes) },
    { what: 'a hash of a full tile', path: /\/tile\/0\/000$/, change: flip(100) },
    { what: 'a hash of the upper tile', path: /\/tile\/1\//, change: flip(0) },
    { what: 'a data tile cut short', path: /\/tile\/data\/000$/, change: (bytes) => bytes.subarray(0, -1) },
    { what: 'an issuer', path: /\/issuer\//, change: flip(-1) },
    {
      what: 'a tree head',
      path: /\/get-sth$/,
      change: (bytes) => Buffer.from(bytes.toString().replace('"timestamp":1', '"timestamp":2')),
    },
  ];
  for (const { what, ...tampering } of TAMPERINGS) {
    test(`static-ct-api: ${what} that was changed on the way is not believed`, async (t) => {
      const proxy = await tamperingProxy(bench.instance.url, tampering);
      t.after(() => proxy.close());
      assert.equal((await read(`${proxy.url}/ct/dev`)).code, 1);
    });
  }

  test('static-ct-api: another origin is another log', async () => {
    assert.equal((await read(log.url, 'localhost/ct/dev')).code, 1);
  });
}

/** The eight bytes of the first leaf_index extension that stands in a tile, with another index. */
function moved(bytes: Buffer): Buffer {
  const at = bytes.indexOf(Buffer.from('0008000005', 'hex'));
  return flip(at + 9)(bytes);
}

/** Certificates that the instance issues, each with an entry of its own. */
async function issue({ instance, token, identity }: Workbench, count: number): Promise<string[]> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const body = JSON.stringify({
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(identity), privateKey).toString('base64'),
    },
  });
  return inParallel(16, Array.from({ length: count }), async () => {
    const answer = await fetch(`${instance.url}/api/v2/signingCert`, { method: 'POST', body });
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
    const { signedCertificateEmbeddedSct } = (await answer.json()) as {
      signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
    };
    return signedCertificateEmbeddedSct.chain.certificates[0] ?? '';
  });
}
