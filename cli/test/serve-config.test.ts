import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { DatabaseHosts, parseConfig } from '@sigstead/platform';
import { Failure } from '../src/failure.ts';
import { connectionsOf } from '../src/serve/config/connection.ts';
import { parseServeConfig } from '../src/serve/config/load.ts';
import { serveSchema } from '../src/serve/config/schema.ts';
import { SECTIONS, type ServeFile } from '../src/serve/config/sections.ts';

const EXAMPLE = readFileSync(new URL('../examples/sigstead.yaml', import.meta.url), 'utf8');

const MINIMAL = `version: 1
stateFolder: s
tsa: {listen: 127.0.0.1:1, publicUrl: https://t.example.org, chainFile: c, keyFile: k}
`;

const ISSUERS = 'devOidc: {listen: 127.0.0.1:2, publicUrl: http://localhost:2, keyFile: k}\n';

const CT_ELSEWHERE = '    url: https://ct.example.net/x\n    publicKeyFile: k\n';

function accepted(text: string): ServeFile {
  return parseServeConfig(text, '/etc/x.yaml').file;
}

function refused(text: string): string {
  try {
    parseServeConfig(text, '/etc/x.yaml');
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.doesNotMatch(error.message, /\n/);
    assert.match(error.message, /^\/etc\/x\.yaml: /);
    return error.message;
  }
  return assert.fail('accepted');
}

/** The example with one text replaced; the text must be there. */
function changed(from: string, to: string): string {
  assert.ok(EXAMPLE.includes(from), from);
  return EXAMPLE.replace(from, to);
}

suite('the example', () => {
  test('is read by the real parser', () => {
    const file = accepted(EXAMPLE);
    assert.deepEqual(
      file.logs.map(({ name }) => name),
      ['rekor-2026', 'ct-2026'],
    );
    assert.equal(file.tuf?.alsoTrust?.ctLogs.length, 1);
  });

  test('the copy for deployment is the same', () => {
    const copy = readFileSync(new URL('../../deploy/examples/sigstead.yaml', import.meta.url), 'utf8');
    assert.equal(copy, EXAMPLE);
  });

  test('names every key of the schema', () => {
    for (const [section, shape] of Object.entries(SECTIONS)) {
      for (const key of Object.keys(shape)) {
        assert.match(EXAMPLE, new RegExp(`^\\s*(?:- )?(?:# *)?${key}:`, 'm'), `${section}.${key}`);
      }
    }
  });

  test('every key in it, commented out or not, is one of the schema', () => {
    const known = new Set(Object.values(SECTIONS).flatMap((shape) => Object.keys(shape)));
    const lines = EXAMPLE.split('\n').map((line) => /^\s*# ?([a-z][A-Za-z]*): /.exec(line)?.[1]);
    for (const key of lines)
      if (key !== undefined && !/^(debug|never|Where|url|ct|Or)$/.test(key)) assert.ok(known.has(key), key);
  });

  test('a commented-out default changes nothing when it is written down, and every schema default is so documented', () => {
    const written = EXAMPLE.replaceAll(/^(\s*)#([a-z][A-Za-z]*: )/gm, '$1$2');
    assert.notEqual(written, EXAMPLE);
    assert.deepEqual(accepted(written), accepted(EXAMPLE));
    const defaults = EXAMPLE.match(/^\s*#[a-z][A-Za-z]*: /gm)?.map((line) => line.replace(/[\s#:]/g, ''));
    for (const key of [
      'logLevel',
      'workers',
      'migrate',
      'readConnections',
      'scrubMiBPerSecond',
      'scrubPauseMinutes',
      'dangerouslyAllowUnsafeSettings',
    ]) {
      assert.ok(defaults?.includes(key), key);
    }
  });
});

suite('good configurations', () => {
  test('one service alone needs nothing of the others', () => {
    const file = accepted(MINIMAL);
    assert.equal(file.workers, 1);
    assert.equal(file.logLevel, 'info');
    assert.equal(file.database, undefined);
    assert.deepEqual(file.tsa?.listen, { host: '127.0.0.1', port: 1 });
  });

  test('files count from the folder of the configuration, absolute ones stay', () => {
    const { resolve } = parseServeConfig(MINIMAL, '/etc/sigstead/x.yaml');
    assert.equal(resolve('k'), '/etc/sigstead/k');
    assert.equal(resolve('/k'), '/k');
  });

  test('a public URL may end in a slash at its host only for reading', () => {
    assert.equal(accepted(MINIMAL.replace('t.example.org', 't.example.org/')).tsa?.publicUrl, 'https://t.example.org');
  });

  test('a ct log follows its own CA without a file, or one elsewhere by its trust bundle', () => {
    const own = accepted(changed('    acceptedRootsFile: keys/ca-root.crt.pem\n', ''));
    assert.equal(own.logs[1]?.acceptedRootsFile, undefined);
    const bundle = '    acceptedRoots: {trustBundleUrl: https://fulcio.example.net/api/v2/trustBundle}\n';
    const other = accepted(
      changed('    acceptedRootsFile: keys/ca-root.crt.pem\n', bundle).replace('    log: ct-2026\n', CT_ELSEWHERE),
    );
    assert.deepEqual(other.logs[1]?.acceptedRoots?.files, []);
  });

  test('an IPv6 address stands in brackets', () => {
    assert.deepEqual(accepted(MINIMAL.replace('127.0.0.1:1', "'[::1]:1'")).tsa?.listen, { host: '::1', port: 1 });
  });

  test('a database may have several servers: in its address, or as a list for both addresses', async () => {
    const several = 'postgresql://u@h1:5432,[::1]:5433,h3/s?sslmode=disable';
    assert.equal(accepted(changed('postgresql://sigstead@db.example.org/sigstead', several)).database?.url, several);
    const listed = changed(
      '  url: postgresql://sigstead@db.example.org/sigstead',
      '  url: postgresql://sigstead@/s?sslmode=disable\n  hosts: [h1, "h2:5433", "[::1]:6", /run/pg]\n  migrationUrl: postgresql://owner@/s',
    );
    const env = { SIGSTEAD_DATABASE_PASSWORD: 'a&b' };
    const { serving, migrating } = await connectionsOf(parseServeConfig(listed, '/etc/x.yaml'), env);
    const names = ['h1:5432', 'h2:5433', '[::1]:6', '/run/pg:5432'];
    for (const address of [serving, migrating]) {
      assert.deepEqual(
        DatabaseHosts.parse(address).all.map(({ name }) => name),
        names,
      );
    }
    const { username, pathname, searchParams } = new URL(DatabaseHosts.parse(serving).all[3]?.connectionString ?? '');
    assert.deepEqual([username, pathname, searchParams.get('host')], ['sigstead', '/s', '/run/pg']);
    assert.deepEqual([searchParams.get('password'), searchParams.get('sslmode')], ['a&b', 'disable']);
  });

  test('a list of servers beside an address that names one, an empty list, and what is no server, are refused', () => {
    const url = '  url: postgresql://sigstead@db.example.org/sigstead';
    for (const [text, path] of [
      [`${url}\n  hosts: [h1]`, 'database.url'],
      ['  url: postgresql:///s?host=/run/pg\n  hosts: [h1]', 'database.url'],
      [`  url: postgresql://u@/s\n  migrationUrl: postgresql://h/s\n  hosts: [h1]`, 'database.migrationUrl'],
      ['  url: postgresql://u@/s\n  hosts: []', 'database.hosts'],
      ['  url: postgresql://u@/s\n  hosts: ["h1:0"]', 'database.hosts[0]'],
      ['  url: postgresql://u@/s\n  hosts: ["u@h1"]', 'database.hosts[0]'],
      ['  url: postgresql://u@h1,,h2/s', 'database.url'],
      ['  url: postgresql://u@h1,h2/s?target_session_attrs=any', 'database.url'],
    ] as const) {
      const refused = (error: unknown): boolean => error instanceof Failure && error.message.includes(`${path} (line `);
      assert.throws(() => parseServeConfig(changed(url, text), '/etc/x.yaml'), refused, text);
    }
  });

  test('a database address may be a socket', () => {
    const file = accepted(changed('postgresql://sigstead@db.example.org/sigstead', 'postgresql:///s?host=/run/pg'));
    assert.equal(file.database?.url, 'postgresql:///s?host=/run/pg');
  });
});

suite('bad configurations stop with the path and what to do', () => {
  const cases: readonly [rule: string, text: string, message: RegExp][] = [
    ['an unknown key', `${MINIMAL}port: 1\n`, /port \(line 4\): unknown key; known here: ca, database/],
    ['development issuers', `${MINIMAL}${ISSUERS}`, /devOidc .*only mode: development takes them/],
    ['development without its issuers', `${MINIMAL}mode: development\n`, /mode .*for devOidc, which is missing/],
    [
      'development issuers whose logins another process would not know',
      `${MINIMAL}${ISSUERS}mode: development\nworkers: 2\n`,
      /workers .*one process only/,
    ],
    ['an unknown key deep inside', changed('log: ct-2026', 'logg: ct-2026'), /ca\.ct\.logg .*unknown key/],
    ['a key given twice', `${MINIMAL}version: 1\n`, /Map keys must be unique/],
    ['a newer format', MINIMAL.replace('version: 1', 'version: 2'), /version .*from 1 to 1/],
    ['nothing to serve', 'version: 1\n', /nothing to serve: add one of/],
    ['logs without a database', changed('url: postgresql', 'urll: postgresql'), /database\.url: missing/],
    ['a database nobody uses', `${MINIMAL}database: {url: postgresql://u@h/d}\n`, /database .*is not used/],
    ['a mark without logs', `${MINIMAL}mark: {s3: {bucket: marks, region: r}}\n`, /mark .*is not used without logs/],
    [
      'a mark in no region',
      changed('stateFolder: /', 'mark: {s3: {bucket: marks}}\nstateFolder: /'),
      /mark\.s3\.region: missing/,
    ],
    ['no state folder', MINIMAL.replace('stateFolder: s\n', ''), /stateFolder: missing/],
    [
      'a password in the database address',
      changed('sigstead@db', 'sigstead:secret@db'),
      /database\.url .*without a password/,
    ],
    [
      'a password as a parameter',
      changed('  url: postgresql://sigstead@db.example.org/sigstead', '  url: postgresql://s@h/d?password=secret'),
      /database\.url/,
    ],
    ['an address that is no database', changed('postgresql://sigstead@', 'mysql://sigstead@'), /database\.url/],
    ['two places for a password', changed('# passwordFile:', 'passwordFile:'), /passwordFile .*keep one of the two/],
    [
      'a migration password without its role',
      changed('# migrationPasswordEnv:', 'migrationPasswordEnv:'),
      /for migrationUrl/,
    ],
    [
      'a key in place of a file',
      MINIMAL.replace('keyFile: k', "keyFile: '-----BEGIN PRIVATE KEY-----'"),
      /tsa\.keyFile/,
    ],
    ['no port', MINIMAL.replace('127.0.0.1:1', '127.0.0.1'), /tsa\.listen .*HOST:PORT/],
    ['a port beyond the range', MINIMAL.replace('127.0.0.1:1', '127.0.0.1:65536'), /tsa\.listen/],
    ['port 0, which no public URL could name', MINIMAL.replace('127.0.0.1:1', '127.0.0.1:0'), /tsa\.listen/],
    ['a URL with credentials', MINIMAL.replace('https://t', 'https://u:p@t'), /tsa\.publicUrl/],
    ['a URL with a query', MINIMAL.replace('example.org', 'example.org?x'), /tsa\.publicUrl/],
    ['a timestamp authority below a path', MINIMAL.replace('example.org', 'example.org/x'), /tsa\.publicUrl .*no path/],
    [
      'a Rekor v2 log below a path',
      changed('log2026.rekor.example.org', 'a.example.org/x'),
      /logs\[0\]\.publicUrl .*origin/,
    ],
    ['two logs of one name', changed('name: ct-2026', 'name: rekor-2026'), /logs\[1\]\.name .*two logs are named/],
    [
      'two logs with one key',
      changed('keys/ct-2026.key', 'keys/rekor-2026.key'),
      /logs\[1\]\.keyFile .*also logs\[0\]/,
    ],
    ['one key for two services', changed('keys/tsa.key', 'keys/ca.key'), /tsa\.keyFile .*is also ca\.keyFile/],
    ['a key of the trust root that signs', changed('keys/ca.key', 'keys/tuf-root.key'), /tuf\.keys\.root .*also ca/],
    [
      'two logs of one origin',
      changed('    kind: rekor-v2\n', '    kind: ct\n    acceptedRootsFile: r\n')
        .replace('https://log2026.rekor.example.org', 'https://ct.example.org:8443/2026')
        .replace('    export:\n      folder: /var/lib/sigstead/tiles/rekor-2026\n', ''),
      /logs\[1\]\.publicUrl .*same origin as logs\[0\]/,
    ],
    [
      'a window that ends before it begins',
      changed('validUntil: 2026-01-01', 'validUntil: 2024-01-01'),
      /certificateAuthorities\[0\]\.validUntil .*after validFrom/,
    ],
    ['a name that cannot stand in a path', changed('name: rekor-2026', 'name: Rekor/2026'), /logs\[0\]\.name/],
    [
      'a CT log that takes nothing',
      changed('    acceptedRootsFile: keys/ca-root.crt.pem\n', '').replace('    log: ct-2026\n', CT_ELSEWHERE),
      /logs\[1\]\.acceptedRootsFile: missing/,
    ],
    [
      'accepted roots at two places that say the same',
      changed('    # acceptedRoots:\n    #   files: ', '    acceptedRoots:\n      files: '),
      /logs\[1\]\.acceptedRootsFile .*acceptedRoots\.files/,
    ],
    [
      'a CA for the TLS of nobody',
      changed('    # acceptedRoots:\n', '    acceptedRoots:\n').replace(
        '    #   trustBundleCaFile',
        '      trustBundleCaFile',
      ),
      /acceptedRoots\.trustBundleCaFile .*trustBundleUrl/,
    ],
    [
      'a rejected root by another name',
      changed('    # acceptedRoots:\n', '    acceptedRoots:\n').replace('    #   reject: [e3', '      reject: [E3'),
      /acceptedRoots\.reject\[0\] .*lower-case hex/,
    ],
    [
      'two checkpoints at one place',
      changed('https://ct.example.org/2026', 'https://ct.example.org')
        .replace('# leafIndex: true', 'leafIndex: true')
        .replace('127.0.0.1:3001', '127.0.0.1:3000'),
      /logs\[1\]\.publicUrl .*needs a path with leafIndex/,
    ],
    ['a purpose that nobody knows', changed('extKeyUsages: [CodeSigning]', 'extKeyUsages: [Any]'), /one of ServerAuth/],
    ['no purpose at all', changed('extKeyUsages: [CodeSigning]', 'extKeyUsages: []'), /extKeyUsages .*list of 1/],
    [
      'a window of notAfter that is empty',
      changed('# notAfterStart: 2026', 'notAfterStart: 2027').replace('# notAfterLimit', 'notAfterLimit'),
      /logs\[1\]\.notAfterLimit .*after notAfterStart/,
    ],
    [
      'a log for neither the living nor the dead',
      changed('# rejectExpired', 'rejectExpired').replace('# rejectUnexpired', 'rejectUnexpired'),
      /logs\[1\]\.rejectUnexpired .*nothing could be logged/,
    ],
    ...(
      ['leafIndex: false', 'rejectExpired: false', 'acceptedRoots: {}', 'notAfterLimit: 2027-01-01T00:00:00Z'] as const
    ).map((line): [string, string, RegExp] => [
      `a rekor log with ${line}`,
      changed('    kind: rekor-v2\n', `    kind: rekor-v2\n    ${line}\n`),
      /logs\[0\]\.[a-zA-Z]+.*: is for kind ct only/,
    ]),
    ['no place for precertificates', changed('    log: ct-2026\n', '    caFile: x\n'), /ca\.ct .*either log/],
    ['two places for precertificates', changed('    # url: https://ct', '    url: https://ct'), /ca\.ct .*either log/],
    ['precertificates into a Rekor log', changed('log: ct-2026', 'log: rekor-2026'), /ca\.ct\.log .*kind ct/],
    [
      'two ways of export at once',
      changed('      # bucket: rekor-2026', '      bucket: rekor'),
      /logs\[0\]\.export .*either folder or bucket/,
    ],
    [
      'an export to nowhere',
      changed('folder: /var/lib/sigstead/tiles/rekor-2026', 'intervalMs: 500'),
      /logs\[0\]\.export.*either/,
    ],
    [
      'a bucket without region',
      changed('folder: /var/lib/sigstead/tiles/rekor-2026', 'bucket: rekor'),
      /logs\[0\]\.export\.region: missing/,
    ],
    [
      'a prefix that is no folder',
      changed('      # prefix: tiles/', '      prefix: tiles'),
      /export\.prefix .*ends in \//,
    ],
    [
      'an endpoint for a folder',
      changed('# endpoint: https://s3', 'endpoint: https://s3'),
      /endpoint .*with bucket only/,
    ],
    [
      'another answer to duplicates',
      changed('# duplicates: conflict', 'duplicates: 409'),
      /duplicates .*original, conflict/,
    ],
    ['DSSE requests half on', changed('# dsse: off', 'dsse: true'), /logs\[0\]\.dsse .*one of on, off/],
    [
      'an algorithm that no entry may have',
      changed('# clientSigningAlgorithms: [PKIX_ECDSA_P256_SHA_256,', 'clientSigningAlgorithms: [PKIX_ED25519,'),
      /logs\[0\]\.clientSigningAlgorithms\[0\] .*one of PKIX_RSA/,
    ],
    [
      'no algorithm at all',
      changed('# clientSigningAlgorithms: [PKIX_ECDSA_P256_SHA_256, PKIX_ED25519_PH]', 'clientSigningAlgorithms: []'),
      /clientSigningAlgorithms .*list of 1/,
    ],
    ...(['duplicates: original', 'dsse: on', 'clientSigningAlgorithms: [PKIX_ED25519_PH]'] as const).map(
      (line): [string, string, RegExp] => [
        `a ct log with ${line}`,
        changed('    acceptedRootsFile: ', `    ${line}\n    acceptedRootsFile: `),
        /logs\[1\]\.[a-zA-Z]+ .*is for kind rekor-v2 only/,
      ],
    ),
    [
      'the export of a ct log',
      changed('    acceptedRootsFile: ', '    export: {folder: x}\n    acceptedRootsFile: '),
      /logs\[1\]\.export .*rekor-v2 only/,
    ],
    [
      'gRPC for a ct log',
      changed('    acceptedRootsFile: ', '    grpc: {listen: 127.0.0.1:3101}\n    acceptedRootsFile: '),
      /logs\[1\]\.grpc .*rekor-v2 only/,
    ],
    [
      'gRPC on the listener of another part',
      changed('    # grpc:\n    #   listen: 127.0.0.1:3101\n', '    grpc: {listen: 127.0.0.1:3001}\n'),
      /logs\[0\]\.grpc\.listen .*cannot be shared/,
    ],
    [
      'half of a TLS certificate for gRPC',
      changed('    # grpc:\n', '    grpc: {listen: 127.0.0.1:3101, tls: {certFile: c}}\n    # grpc:\n'),
      /logs\[0\]\.grpc\.tls\.keyFile/,
    ],
    ['gRPC without a place', changed('    # grpc:\n', '    grpc: {}\n    # grpc:\n'), /logs\[0\]\.grpc\.listen/],
    [
      'witnesses of a ct log',
      changed('    acceptedRootsFile: ', '    witness: {policyFile: p}\n    acceptedRootsFile: '),
      /logs\[1\]\.witness .*rekor-v2 only/,
    ],
    [
      'witnesses that nobody names',
      changed('    # witness:', '    witness: {mode: fail-closed}\n    # witness:'),
      /logs\[0\]\.witness\.policyFile: missing/,
    ],
    [
      'witnesses that are asked half-heartedly',
      changed('    # witness:', '    witness: {policyFile: p, mode: open}\n    # witness:'),
      /logs\[0\]\.witness\.mode .*fail-open, fail-closed/,
    ],
    [
      'answers that wait for less than a round',
      changed('    # witness:', '    witness: {policyFile: p, timeoutMs: 900, waitMs: 1899}\n    # witness:'),
      /logs\[0\]\.witness\.waitMs .*at least .*\(1900\)/,
    ],
    ['issuers of no kind', changed('        type: email\n', ''), /issuers\.oidc-issuers.*type: missing/],
    ['targets key without root key', changed('    root: keys/tuf-root.key.pem\n', ''), /tuf\.keys .*both/],
    ['a day that no calendar has', changed('validFrom: 2025-01-01T', 'validFrom: 2025-02-30T'), /validFrom/],
    ['too many workers', changed('#workers: 1', 'workers: 65'), /workers .*from 1 to 64/],
    [
      'two parts at the same paths',
      changed('listen: 127.0.0.1:3001', 'listen: 127.0.0.1:3000')
        .replace('kind: ct\n', 'kind: rekor-v2\n')
        .replace('example.org/2026', 'example.org')
        .replace('    acceptedRootsFile: keys/ca-root.crt.pem\n', ''),
      /logs\[1\]\.listen .*same paths as logs\[0\]/,
    ],
    [
      'a TUF repository over all paths of others',
      changed('127.0.0.1:3004', '127.0.0.1:3003'),
      /tuf\.listen .*publicUrl a path/,
    ],
    ['metrics on a public listener', changed('127.0.0.1:9464', '127.0.0.1:3003'), /metrics\.listen .*one of its own/],
    ['one port under two names', changed('127.0.0.1:3003', 'localhost:3002'), /overlaps with/],
    ['aliases', MINIMAL.replace('stateFolder: s', 'stateFolder: &a s'), /anchors are not allowed/],
    ['a list for a section', 'version: 1\nca: []\n', /ca .*section/],
  ];
  for (const [rule, text, message] of cases) test(rule, () => assert.match(refused(text), message));

  test('a log whose beginning nothing tells', () => {
    const text = `version: 1
stateFolder: s
database: {url: postgresql://u@h/d}
logs: [{name: a, kind: rekor-v2, listen: 127.0.0.1:1, publicUrl: https://a.example.org, keyFile: k}]
tuf:
  listen: 127.0.0.1:2
  publicUrl: https://t.example.org
  operator: example.org
  keys: {snapshot: s, timestamp: t}
`;
    assert.match(refused(text), /logs\[0\]\.validFrom/);
    accepted(text.replace('keyFile: k', 'keyFile: k, validFrom: 2026-01-01T00:00:00Z'));
  });

  test('all that is wrong is said at once', () => {
    const message = refused(changed('#workers: 1', 'workers: 0').replace('name: rekor-2026', 'name: R'));
    assert.match(message, /workers/);
    assert.match(message, /logs\[0\]\.name/);
  });

  test('every removal of a required key is noticed', () => {
    assert.throws(() => parseConfig('', serveSchema));
    for (const key of ['listen', 'publicUrl', 'chainFile', 'keyFile']) {
      assert.match(refused(MINIMAL.replace(new RegExp(`${key}: [^,}]+,? ?`), '')), new RegExp(`tsa\\.${key}`));
    }
  });
});
