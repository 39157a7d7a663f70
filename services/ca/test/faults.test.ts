import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  type CtClient,
  CtRefusedError,
  httpCtClient,
  type IssuanceRecord,
  type IssuanceStore,
  type Sct,
} from '@sigstead/ca';
import { Oid, parseCertificate, tbsWithoutExtension } from '@sigstead/formats';
import { signerFromPem, type Signer } from '@sigstead/keys';
import { openPool, silentLogger } from '@sigstead/platform';
import { CaError } from '../src/core/errors.ts';
import { ctLog, submit } from '../src/core/issuance/ct.ts';
import { ctDouble, ctHttpServer } from './support/ct-double.ts';
import { type Answer, chainIn, type Harness, startHarness, type Surroundings } from './support/harness.ts';
import { keyPem } from './support/recorded.ts';
import { errorOf, v2 } from './support/requests.ts';
import { NOW_MS } from './support/tokens.ts';

/* For each step of an issuance that can fail: the client gets a 5xx without inner text, and no certificate leaves. */

let base: Harness;
let shared: Surroundings;
before(async () => {
  base = await startHarness();
  shared = { connectionString: base.connectionString, issuers: base.issuers };
});
after(() => base.close());

const honest = () => ctDouble({ nowMs: () => NOW_MS });
const CTL = 'Error entering certificate in CTL';
const BACKEND = 'error communicating with CA backend';

async function withCa(
  overrides: Parameters<typeof startHarness>[0],
  run: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = await startHarness(overrides, shared);
  try {
    await run(harness);
  } finally {
    await harness.close();
  }
}

function nothingLeft(answer: Answer, expected: [number, number, string]): void {
  const { code, message } = errorOf(answer);
  assert.deepEqual([answer.status, code, message], expected);
  assert.ok(!answer.body.toString().includes('CERTIFICATE'));
}

/** Counts what a signer is asked to sign and what a log is given. */
function counting(signer: Signer): Signer & { signed: Uint8Array[] } {
  const signed: Uint8Array[] = [];
  const { algorithm, spki, publicKey } = signer;
  return { algorithm, spki, publicKey, signed, sign: (message) => (signed.push(message), signer.sign(message)) };
}

class MemoryStore implements IssuanceStore {
  readonly rows: IssuanceRecord[] = [];
  failAt = 0;
  /** Whether a failing append was written all the same. */
  writesBeforeFailing = false;

  append(record: IssuanceRecord): Promise<void> {
    const fails = this.rows.length + 1 === this.failAt;
    if (!fails || this.writesBeforeFailing) this.rows.push(record);
    return fails ? Promise.reject(new Error('connection lost, password=secret')) : Promise.resolve();
  }
}

for (const writesBeforeFailing of [false, true]) {
  for (const [failAt, what] of [
    [1, 'precertificate'],
    [2, 'certificate'],
  ] as const) {
    const outcome = writesBeforeFailing ? 'written, answer lost' : 'not written';
    test(`record of the ${what} fails (${outcome}): it is never signed`, async () => {
      const store = Object.assign(new MemoryStore(), { failAt, writesBeforeFailing });
      const signer = counting(signerFromPem(keyPem('ca-int')));
      await withCa({ store, signer }, async (harness) => {
        nothingLeft(await harness.send(v2()), [503, 14, BACKEND]);
        assert.equal(signer.signed.length, failAt - 1);
        assert.equal(harness.ct.entries.length, failAt - 1);
      });
    });
  }
}

test('everything that was signed is on record, byte for byte, before it was signed', async () => {
  const store = new MemoryStore();
  const real = signerFromPem(keyPem('ca-int'));
  const signer: Signer = {
    ...real,
    sign(message) {
      assert.deepEqual(Buffer.from(store.rows.at(-1)?.tbs ?? []), Buffer.from(message));
      return real.sign(message);
    },
  };
  await withCa({ store, signer }, async (harness) => {
    const answer = await harness.send(v2());
    const leaf = parseCertificate(chainIn(answer)[0] ?? new Uint8Array());
    assert.deepEqual(
      store.rows.map(({ kind }) => kind),
      ['precertificate', 'certificate'],
    );
    assert.deepEqual(Buffer.from(store.rows[1]?.tbs ?? []), Buffer.from(leaf.tbs));
  });
});

test('the database holds both records of an issuance, and refuses to change or lose them', async () => {
  const answer = await base.send(v2());
  const leaf = parseCertificate(chainIn(answer)[0] ?? new Uint8Array());
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: base.connectionString });
  await client.connect();
  try {
    const serial = Buffer.from(leaf.serial);
    const { rows } = await client.query('SELECT kind, tbs FROM ca.issuance WHERE serial = $1 ORDER BY kind', [serial]);
    assert.equal(rows.length, 2);
    assert.deepEqual(rows[1].tbs, Buffer.from(leaf.tbs));
    for (const sql of ['UPDATE ca.issuance SET kind = 1', 'DELETE FROM ca.issuance', 'TRUNCATE ca.issuance']) {
      await assert.rejects(client.query(sql), /insert-only/);
    }
  } finally {
    await client.end();
  }
});

test('64 the log hangs: 503 within the deadline, although the port ignores its signal', async () => {
  const client: CtClient = { addPreChain: () => new Promise(() => {}) };
  const store = new MemoryStore();
  await withCa({ store, ct: { client, publicKeySpki: honest().publicKeySpki, deadlineMs: 50 } }, async (harness) => {
    nothingLeft(await harness.send(v2()), [503, 14, CTL]);
    assert.deepEqual(
      store.rows.map(({ kind }) => kind),
      ['precertificate'],
    );
  });
});

test('64 the log is down, or answers 503 or 429: 503, so that clients try again', async () => {
  const gone = httpCtClient({ url: 'http://127.0.0.1:1' });
  await withCa({ ct: { client: gone, publicKeySpki: honest().publicKeySpki } }, async (harness) => {
    nothingLeft(await harness.send(v2()), [503, 14, CTL]);
  });
  for (const status of [503, 429, 500]) {
    const server = await ctHttpServer(honest(), status);
    const ct = { client: httpCtClient({ url: server.url }), publicKeySpki: honest().publicKeySpki };
    await withCa({ ct }, async (harness) => nothingLeft(await harness.send(v2()), [503, 14, CTL]));
    await server.close();
  }
});

test('the log refuses: 500, as upstream, also when it is a log in this process', async () => {
  const local = Object.assign(new Error('unknown root'), { code: 'entry_refused' });
  for (const error of [new CtRefusedError('unknown root'), local]) {
    const client: CtClient = { addPreChain: () => Promise.reject(error) };
    await withCa({ ct: { client, publicKeySpki: honest().publicKeySpki } }, async (harness) => {
      nothingLeft(await harness.send(v2()), [500, 13, CTL]);
    });
  }
});

/** What a log can get wrong in an SCT, and the honest one to spoil. */
const SPOILED: Record<string, (sct: Sct, log: ReturnType<typeof honest>) => Sct> = {
  'another log id': (sct) => ({ ...sct, logId: Buffer.alloc(32, 1) }),
  'another time': (sct) => ({ ...sct, timestampMs: sct.timestampMs + 1 }),
  'a time far away': (sct) => ({ ...sct, timestampMs: sct.timestampMs + 10 * 3_600_000 }),
  'no time': (sct) => ({ ...sct, timestampMs: Number.NaN }),
  'other extensions': (sct) => ({ ...sct, extensions: Buffer.alloc(3) }),
  'one bit of the signature': (sct) => ({
    ...sct,
    signature: Buffer.from(sct.signature).map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte)),
  }),
  'another hash algorithm': (sct) => ({ ...sct, signature: Buffer.concat([Buffer.of(2), sct.signature.subarray(1)]) }),
  'no signature': (sct) => ({ ...sct, signature: Buffer.alloc(0) }),
  'bytes after the signature': (sct) => ({ ...sct, signature: Buffer.concat([sct.signature, Buffer.of(0)]) }),
};

for (const [what, spoil] of Object.entries(SPOILED)) {
  test(`65 an SCT with ${what}: 500, and no final certificate was even recorded`, async () => {
    const log = honest();
    const client: CtClient = { addPreChain: async (chain) => spoil(await log.addPreChain(chain), log) };
    const store = new MemoryStore();
    await withCa({ store, ct: { client, publicKeySpki: log.publicKeySpki } }, async (harness) => {
      nothingLeft(await harness.send(v2()), [500, 13, CTL]);
      assert.deepEqual(
        store.rows.map(({ kind }) => kind),
        ['precertificate'],
      );
    });
  });
}

test('65 a valid SCT of another precertificate', async () => {
  const log = honest();
  let first: Sct | undefined;
  const client: CtClient = { addPreChain: async (chain) => (first ??= await log.addPreChain(chain)) };
  await withCa({ ct: { client, publicKeySpki: log.publicKeySpki } }, async (harness) => {
    assert.equal((await harness.send(v2())).status, 200);
    nothingLeft(await harness.send(v2()), [500, 13, CTL]);
  });
});

test('67 the signer fails, at the first or the second signature: 500 without inner text', async () => {
  const real = signerFromPem(keyPem('ca-int'));
  for (const failAt of [1, 2]) {
    let count = 0;
    const signer: Signer = {
      ...real,
      sign(message) {
        count += 1;
        if (count === failAt) throw new Error('HSM 10.0.0.7: PIN 1234 locked');
        return real.sign(message);
      },
    };
    await withCa({ signer }, async (harness) => nothingLeft(await harness.send(v2()), [500, 13, BACKEND]));
  }
});

test('67 the signer gives a wrong signature: nothing leaves, and the log takes nothing', async () => {
  const real = signerFromPem(keyPem('ca-int'));
  const other = signerFromPem(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
  for (const wrongAt of [1, 2]) {
    let count = 0;
    const signer: Signer = { ...real, sign: (message) => ((count += 1) === wrongAt ? other : real).sign(message) };
    await withCa({ signer }, async (harness) => {
      nothingLeft(await harness.send(v2()), [500, 13, wrongAt === 1 ? CTL : BACKEND]);
      assert.equal(harness.ct.entries.length, wrongAt - 1);
    });
  }
});

test("the client's own deadline passes while the log is thinking: 504", async () => {
  const client: CtClient = { addPreChain: () => new Promise(() => {}) };
  await withCa({ ct: { client, publicKeySpki: honest().publicKeySpki } }, async (harness) => {
    nothingLeft(await harness.send(v2({}, [['Grpc-Timeout', '30m']])), [504, 4, 'context deadline exceeded']);
  });
});

test('a log is told to stop when nobody waits any more', async () => {
  const controller = new AbortController();
  let told: AbortSignal | undefined;
  const client: CtClient = {
    addPreChain: (_chain, signal) => {
      told = signal;
      controller.abort();
      return new Promise(() => {});
    },
  };
  const log = ctLog({ client, publicKeySpki: honest().publicKeySpki });
  const what = { chain: [], tbs: Buffer.alloc(0), issuerKeySha256: Buffer.alloc(32), nowMs: () => NOW_MS };
  await assert.rejects(submit(log, { ...what, signal: controller.signal }), CaError);
  assert.equal(told?.aborted, true);
});

test('a hundred issuances at once: every leaf is in the log with the same bytes, no serial twice (I5)', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => base.send(v2())));
  const leaves = answers.map((answer) => parseCertificate(chainIn(answer)[0] ?? new Uint8Array()));
  assert.equal(new Set(leaves.map(({ serial }) => Buffer.from(serial).toString('hex'))).size, 100);
  const digest = (tbs: Uint8Array): string => createHash('sha256').update(tbs).digest('hex');
  const logged = new Set(
    base.ct.entries.map((der) => digest(tbsWithoutExtension(parseCertificate(der), Oid.ctPoison))),
  );
  for (const leaf of leaves) assert.ok(logged.has(digest(tbsWithoutExtension(leaf, Oid.ctSctList))));
});

test('ready says what is wrong', async () => {
  assert.deepEqual(await base.ca.ready(), { ok: true });
  const lost = await startHarness({}, shared);
  lost.clock.value = Date.parse('2036-01-01T00:00:00Z');
  assert.deepEqual(await lost.ca.ready(), { ok: false, detail: 'the issuing CA certificate has expired' });
  await lost.close();
});

test('ready tells nobody where the database is', async () => {
  const pool = openPool({ connectionString: base.connectionString, logger: silentLogger, max: 1 });
  const cut = await startHarness({ connection: pool }, shared);
  await pool.end();
  assert.deepEqual(await cut.ca.ready(), { ok: false, detail: 'the database does not answer' });
  await cut.close();
});
