import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import fc from 'fast-check';
import { buildSigningConfig, buildTrustedRoot, type TrustModel } from '@sigstead/formats';
import { generatePrivateKeyPem, newCaChain, newTsaChain, signerFromPem } from '@sigstead/keys';
import { decodePem } from '@sigstead/formats';
import {
  isDone,
  nextStep,
  refusalOf,
  type RotateStep,
  durationMs,
  durationText,
  windowEndMs,
} from '../src/commands/rotate/plan.ts';
import { type RotationFacts, trustFacts } from '../src/commands/rotate/facts.ts';
import { Failure } from '../src/failure.ts';
import { parseServeConfig, type ServeConfig } from '../src/serve/config/load.ts';
import type { ServeFile } from '../src/serve/config/sections.ts';
import { refuseLostLines } from '../src/serve/services/lost-lines.ts';
import type { Materials } from '../src/serve/services/materials.ts';
import { type ShardPhase, type ShardStep, shardPhases } from '../src/serve/services/shards.ts';
import { trustModelOf } from '../src/serve/services/trust-model.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 1);
const keys = new Map(
  [...NAMES, 'ct' as const].map((name) => [name, signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'))]),
);
let materials: Materials;
before(async () => {
  const names = {
    organization: 'o',
    commonName: 'c',
    notBefore: new Date(START_MS),
    rootYears: 9,
    intermediateYears: 8,
  };
  const [ca, tsa] = [await newCaChain(names), await newTsaChain({ ...names, leafYears: 7 })];
  const authority = (...pems: string[]) => ({
    signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')),
    chain: pems.flatMap((pem) => decodePem(pem).map(({ bytes }) => bytes)),
  });
  materials = {
    logs: new Map(
      [...keys].map(([name, signer]) => [
        name,
        { signer, alsoSign: [], grpcTls: undefined, trustBundleCa: undefined, witnessPolicy: undefined },
      ]),
    ),
    ca: authority(ca.intermediate.certificatePem, ca.root.certificatePem),
    tsa: authority(tsa.leaf.certificatePem, tsa.intermediate.certificatePem, tsa.root.certificatePem),
    foreignCt: undefined,
    tufSigners: undefined,
    devOidc: undefined,
    alsoTrust: { certificateAuthorities: [], timestampAuthorities: [], rekorLogs: [], ctLogs: [] },
  };
});

function keyOf(name: Name) {
  return keys.get(name) ?? assert.fail();
}

/** A configuration with the first so many logs, each following the one before. */
function fileOf(count: number, more: Partial<Record<Name, string>> = {}): ServeFile {
  const logs = NAMES.slice(0, count).map((name, i) => {
    const before = NAMES[i - 1];
    const follows = before === undefined ? '' : `, follows: ${before}`;
    return `  - {name: ${name}, kind: rekor-v2, listen: h:${i + 1}, publicUrl: https://${name}.example.org, keyFile: ${name}${follows}${more[name] ?? ''}}\n`;
  });
  return parseServeConfig(
    `version: 1
stateFolder: s
database: {url: postgresql://u@h/d}
logs:
${logs.join('')}\
  - {name: ct, kind: ct, listen: h:8, publicUrl: https://ct.example.org, keyFile: ct, acceptedRootsFile: r}
ca: {listen: h:9, publicUrl: https://ca.example.org, chainFile: c, keyFile: ca, ct: {log: ct}, issuers: {oidc-issuers: {https://i.example.org: {type: email, client-id: s}}}}
tsa: {listen: h:10, publicUrl: https://tsa.example.org, chainFile: c, keyFile: t}
tuf: {listen: h:11, publicUrl: https://tuf.example.org, operator: example.org, oidcUrls: [https://i.example.org], keys: {root: x, targets: x, snapshot: x, timestamp: x}}
`,
    '/x.yaml',
  ).file;
}

/** Names of the logs in the two documents, which must be ones that clients take. */
function documents(model: TrustModel): { listed: string[]; signing: string[] } {
  const host = (url: string): string => new URL(url).hostname.split('.')[0] ?? '';
  const nowMs = START_MS + 900 * DAY_MS;
  return {
    listed: buildTrustedRoot(model).tlogs.map(({ baseUrl }) => host(baseUrl)),
    signing: buildSigningConfig(model, { nowMs }).rekorTlogUrls.map(({ url }) => host(url)),
  };
}

const STEPS: readonly ShardStep[] = [
  { kind: 'publish', name: 'b', startMs: START_MS + DAY_MS },
  { kind: 'switch', name: 'b' },
  { kind: 'end', name: 'a', endMs: START_MS + 2 * DAY_MS },
  { kind: 'publish', name: 'c', startMs: START_MS + 3 * DAY_MS },
  { kind: 'switch', name: 'c' },
  { kind: 'end', name: 'b', endMs: START_MS + 4 * DAY_MS },
];

const AFTER: readonly { listed: string[]; signing: string[] }[] = [
  { listed: ['a'], signing: ['a'] },
  { listed: ['a', 'b'], signing: ['a'] },
  { listed: ['a', 'b'], signing: ['b'] },
  { listed: ['a', 'b'], signing: ['b'] },
  { listed: ['a', 'b', 'c'], signing: ['b'] },
  { listed: ['a', 'b', 'c'], signing: ['c'] },
  { listed: ['a', 'b', 'c'], signing: ['c'] },
];

/** The models of two rotations, one publication after the other. */
function publications(file: ServeFile): TrustModel[] {
  const models = [trustModelOf(file, materials)];
  for (const step of STEPS) models.push(trustModelOf(file, materials, { published: models.at(-1), step }));
  return models;
}

suite('the trust material of a rotation', () => {
  test('a step changes what it is there for and nothing else, and a start between two steps changes nothing', () => {
    const file = fileOf(3);
    publications(file).forEach((model, i) => {
      assert.deepEqual(documents(model), AFTER[i], `after ${i} steps`);
      assert.deepEqual(trustModelOf(file, materials, { published: model }), model, `at a start after ${i} steps`);
    });
  });

  test('a step that is done already changes nothing, whatever came after it', () => {
    const file = fileOf(3);
    const models = publications(file);
    models.forEach((published, i) => {
      for (const step of STEPS.slice(0, i)) {
        assert.deepEqual(
          trustModelOf(file, materials, { published, step }),
          published,
          `${step.kind} ${step.name} after ${i}`,
        );
      }
    });
  });

  test('a log that follows another is in no document until it is published, whatever else the configuration says of it', () => {
    for (const more of ['', ', validFrom: 2020-01-01T00:00:00Z', ', readOnly: true', ', basePath: /b']) {
      assert.deepEqual(documents(trustModelOf(fileOf(2, { b: more }), materials)), AFTER[0]);
    }
  });

  test('windows: the new one begins where publish said, the old one ends where end said, also at later starts', () => {
    const models = publications(fileOf(3));
    const windows = (models.at(-1) ?? assert.fail()).tlogs.map(({ validFor }) => validFor);
    assert.deepEqual(windows, [
      { startMs: START_MS, endMs: START_MS + 2 * DAY_MS },
      { startMs: START_MS + DAY_MS, endMs: START_MS + 4 * DAY_MS },
      { startMs: START_MS + 3 * DAY_MS },
    ]);
  });

  test('a log moves to another port without losing its place in the rotation', () => {
    const models = publications(fileOf(3));
    const moved = { ...fileOf(3) };
    moved.logs = moved.logs.map((log) => ({ ...log, publicUrl: `${log.publicUrl}:8443` }));
    models.forEach((published, i) => {
      assert.deepEqual(documents(trustModelOf(moved, materials, { published })), AFTER[i]);
    });
  });

  test('in no order of steps does a log sign before its key is in the trusted root, or beside another of its line', () => {
    const file = fileOf(3);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...STEPS), { maxLength: 12 }), (steps) => {
        let published: TrustModel | undefined = trustModelOf(file, materials);
        for (const step of steps) {
          const model: TrustModel = trustModelOf(file, materials, { published, step });
          const phases: ShardPhase[] = [...shardPhases({ file, materials, published, step }).values()];
          assert.ok(phases.filter(({ sign }) => sign).length <= 1);
          assert.ok(phases.every(({ sign, listed }) => listed || !sign));
          assert.ok(published.tlogs.every((old) => model.tlogs.some((log) => log.baseUrl === old.baseUrl)));
          published = model;
        }
      }),
    );
  });
});

suite('a configuration that has lost a line since the last publication', () => {
  const lost = (file: ServeFile, published: TrustModel | undefined): string | undefined => {
    try {
      const config: ServeConfig = { file, path: '/x.yaml', text: '', resolve: (name) => name };
      refuseLostLines(config, materials, published);
      return undefined;
    } catch (error) {
      if (error instanceof Failure) return error.message;
      throw error;
    }
  };
  const without = (file: ServeFile, name: Name, key: 'follows' | 'validFrom'): ServeFile => ({
    ...file,
    logs: file.logs.map((log) => (log.name === name ? { ...log, [key]: undefined } : log)),
  });

  test('nothing is refused of a whole one, at any moment of two rotations', () => {
    const file = fileOf(3);
    for (const published of [undefined, ...publications(file)]) assert.equal(lost(file, published), undefined);
  });

  test('follows taken out at any moment: before publish nobody is sent to the new log, later nobody back to the old one', () => {
    const file = fileOf(3);
    publications(file).forEach((published, i) => {
      for (const [name, publishedAfter] of [
        ['b', 1],
        ['c', 4],
      ] as const) {
        const expected =
          i < publishedAfter ? /log \w of \S+ is not published yet, follows no log/ : /neither follows nor validFrom/;
        assert.match(lost(without(file, name, 'follows'), published) ?? '', expected, `${name} after ${i} steps`);
      }
    });
  });

  test('what is said in so many words is taken: another log beside, one instead of a log that takes nothing, the first ones', () => {
    const beside = (more: string): ServeFile => without(fileOf(2, { b: more }), 'b', 'follows');
    const published = trustModelOf(fileOf(1), materials);
    assert.equal(lost(beside(', validFrom: 2026-11-05T00:00:00Z'), published), undefined);
    assert.equal(lost(without(fileOf(2, { a: ', readOnly: true' }), 'b', 'follows'), published), undefined);
    assert.equal(lost(beside(''), undefined), undefined);
    assert.match(lost(beside(''), published) ?? '', /beside a: .*"follows: a"/);
  });

  test('a log is not signed with again because its successor says its start and follows it no more', () => {
    const start = ', validFrom: 2026-11-02T00:00:00Z';
    const [, listed, switched, ended] = publications(fileOf(2));
    const parted = without(fileOf(2, { b: start }), 'b', 'follows');
    assert.match(
      lost(parted, switched) ?? '',
      /log a of \S+ is in the published signing config no longer, .* beside b/,
    );
    assert.equal(lost(parted, listed), undefined, 'said in so many words');
    assert.equal(lost(parted, ended), undefined);
    const both = fileOf(2, { a: ', validFrom: 2026-11-01T00:00:00Z', b: start });
    assert.equal(lost(without(both, 'b', 'follows'), switched), undefined);
    const retired = without(fileOf(2, { a: ', readOnly: true', b: start }), 'b', 'follows');
    assert.equal(lost(retired, switched), undefined);
  });

  test('the log before it may go when all is over, with the start that was published', () => {
    const published = publications(fileOf(2)).at(3);
    const start = ', validFrom: 2026-11-02T00:00:00Z';
    assert.equal(lost(without(fileOf(2, { b: start }), 'b', 'follows'), published), undefined);
    assert.match(lost(without(fileOf(2), 'b', 'follows'), published) ?? '', /say validFrom: 2026-11-02T00:00:00Z/);
  });
});

suite('where a rotation is', () => {
  const row = (name: Name, size: number, state: 'active' | 'frozen' | 'read-only' = 'active') => ({
    logId: 1,
    name,
    kind: 'rekor-v2',
    origin: `${name}.example.org`,
    keySpki: keyOf(name).spki,
    createdMs: START_MS,
    size,
    root: new Uint8Array(32),
    state,
    since: undefined,
    mark: undefined,
    contradiction: undefined,
  });
  const logs = fileOf(2).logs;
  const [a, b] = [logs[0] ?? assert.fail(), logs[1] ?? assert.fail()];
  const NOTHING = { listedSinceMs: undefined, switchedSinceMs: undefined, endMs: undefined };
  /** Facts after so many steps, the last one just now. */
  function factsAfter(count: number): RotationFacts {
    return {
      old: a,
      next: count >= 1 ? b : undefined,
      oldRow: row('a', 5, count >= 5 ? 'frozen' : 'active'),
      nextRow: count >= 2 ? row('b', 1) : undefined,
      unfinished: undefined,
      trust: {
        listedSinceMs: count >= 3 ? START_MS : undefined,
        switchedSinceMs: count >= 4 ? START_MS : undefined,
        endMs: count >= 5 ? START_MS : undefined,
      },
      nowMs: START_MS,
    };
  }
  const ORDER: readonly RotateStep[] = ['prepare', 'create', 'publish', 'switch', 'freeze'];

  test('exactly one step comes next, those before it are done, and those after it are refused by the name of that one', () => {
    for (let count = 0; count <= 5; count++) {
      const facts = factsAfter(count);
      assert.equal(nextStep(facts), ORDER[count]);
      ORDER.forEach((step, i) => assert.equal(isDone(step, facts), i < count, `${step} after ${count}`));
      for (const step of ORDER.slice(count + 1)) {
        assert.match(refusalOf(step, facts, 0) ?? '', new RegExp(`^${ORDER[count]} comes next, not ${step}$`));
      }
      const next = ORDER[count];
      if (next !== undefined) assert.equal(refusalOf(next, facts, 0), undefined, next);
    }
  });

  test('switch and freeze wait since the publication before them; a frozen log is waited for no longer', () => {
    for (const [count, step] of [
      [3, 'switch'],
      [4, 'freeze'],
    ] as const) {
      const facts = factsAfter(count);
      assert.match(
        refusalOf(step, facts, DAY_MS) ?? '',
        /too early: until 2026-11-02T00:00:00Z .*--wait .*\(here 1d\)/,
      );
      assert.match(refusalOf(step, { ...facts, nowMs: START_MS + DAY_MS - 1 }, DAY_MS) ?? '', /too early/);
      assert.equal(refusalOf(step, { ...facts, nowMs: START_MS + DAY_MS }, DAY_MS), undefined);
      // A clock that was set back waits longer, never shorter.
      assert.match(refusalOf(step, { ...facts, nowMs: START_MS - DAY_MS }, DAY_MS) ?? '', /too early/);
    }
    const frozen = { ...factsAfter(4), oldRow: row('a', 5, 'frozen') };
    assert.equal(refusalOf('freeze', frozen, DAY_MS), undefined, 'killed between the freeze and the end of the window');
    assert.equal(isDone('freeze', frozen), false);
  });

  test('a frozen log begins no rotation, and one that is cut short may be finished', () => {
    for (const [count, step] of [
      [0, 'prepare'],
      [1, 'create'],
    ] as const) {
      const facts = { ...factsAfter(count), oldRow: row('a', 5, 'frozen') };
      assert.match(refusalOf(step, facts, 0) ?? '', /is frozen: it takes part in no rotation/);
    }
    for (const [count, step] of [
      [2, 'publish'],
      [3, 'switch'],
    ] as const) {
      assert.equal(refusalOf(step, { ...factsAfter(count), oldRow: row('a', 5, 'frozen') }, 0), undefined);
    }
  });

  test('what cannot be right is refused: no old log, one against its mark, a new one that takes nothing, a rotation before that is not over', () => {
    assert.match(
      refusalOf('prepare', { ...factsAfter(0), oldRow: undefined }, 0) ?? '',
      /there is no log a in the database/,
    );
    const below = { ...row('a', 5), contradiction: 'the database is below the mark' };
    assert.match(refusalOf('create', { ...factsAfter(1), oldRow: below }, 0) ?? '', /below the mark: see docs/);
    assert.match(
      refusalOf('publish', { ...factsAfter(2), nextRow: row('b', 1, 'read-only') }, 0) ?? '',
      /log b is read-only/,
    );
    const readOnly = { ...b, readOnly: true };
    assert.match(
      refusalOf('switch', { ...factsAfter(3), next: readOnly }, 0) ?? '',
      /b is readOnly in the configuration/,
    );
    assert.match(
      refusalOf('prepare', { ...factsAfter(0), unfinished: 'z' }, 0) ?? '',
      /a follows z, whose rotation is not over/,
    );
    assert.equal(isDone('create', { ...factsAfter(2), nextRow: row('b', 0) }), false, 'without its first entry');
  });

  test('where no trust root is published, publish and switch are nobody’s business', () => {
    const facts = { ...factsAfter(2), trust: undefined };
    assert.equal(nextStep(facts), 'freeze');
    assert.equal(refusalOf('freeze', facts, DAY_MS), undefined);
    assert.equal(nextStep({ ...facts, oldRow: row('a', 5, 'frozen') }), undefined);
  });

  test('since when something is published counts from the last time that it was not', () => {
    const file = fileOf(2);
    const [first, listed, switched] = publications(file);
    assert.ok(first && listed && switched);
    const history = (...models: TrustModel[]) => models.map((model, i) => ({ model, publishedAtMs: START_MS + i }));
    const facts = (...models: TrustModel[]) => trustFacts(history(...models), keyOf('a').spki, keyOf('b').spki);
    assert.deepEqual(facts(), NOTHING);
    assert.deepEqual(facts(first), NOTHING);
    assert.deepEqual(facts(first, listed, listed), { ...NOTHING, listedSinceMs: START_MS + 1 });
    const back = facts(first, listed, switched, listed, switched);
    assert.deepEqual(back, { ...NOTHING, listedSinceMs: START_MS + 1, switchedSinceMs: START_MS + 4 });
    assert.deepEqual(trustFacts(history(first), keyOf('a').spki, undefined), NOTHING);
  });

  test('a timestamp that is taken within a day of the last note is inside the window, whose end is a whole second', () => {
    for (const timestampMs of [START_MS, START_MS + 1, START_MS + 999]) {
      const endMs = windowEndMs({ timestampMs });
      assert.ok(endMs >= timestampMs + DAY_MS && endMs < timestampMs + DAY_MS + 1000);
      assert.equal(endMs % 1000, 0);
    }
  });

  test('a time to wait is read as it is written', () => {
    for (const [text, ms] of [
      ['0', 0],
      ['30s', 30_000],
      ['90m', 5_400_000],
      ['36h', 129_600_000],
      ['7d', 604_800_000],
    ] as const) {
      assert.equal(durationMs(text), ms);
      assert.equal(durationMs(durationText(ms)), ms);
    }
    for (const text of ['', '7', 'd', '07d', '-1d', '1.5h', '1w', '367d', '7d ', '１d', '99999999d'])
      assert.equal(durationMs(text), undefined, text);
  });
});
