import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatabaseError, DatabaseHosts, unsafeSettings } from '@sigstead/platform';
import fc from 'fast-check';

const names = (text: string): string[] => DatabaseHosts.parse(text).all.map(({ name }) => name);

/** What the driver is given, taken apart by a reader that is not ours. */
function taken(text: string): { host: string; port: string; user: string; path: string; rest: string }[] {
  return DatabaseHosts.parse(text).all.map(({ connectionString }) => {
    const url = new URL(connectionString);
    const { host, port, ...rest } = Object.fromEntries(url.searchParams);
    return {
      host: host ?? '',
      port: port ?? '',
      user: url.username,
      path: url.pathname,
      rest: new URLSearchParams(rest).toString(),
    };
  });
}

test('a list of servers as libpq writes it: each with its own port, everything else the same', () => {
  const wanted = [
    { host: 'h1', port: '5433', user: 'u', path: '/db', rest: 'sslmode=disable' },
    { host: 'h2', port: '5432', user: 'u', path: '/db', rest: 'sslmode=disable' },
    { host: '::1', port: '9', user: 'u', path: '/db', rest: 'sslmode=disable' },
  ];
  assert.deepEqual(taken('postgres://u:p@h1:5433,h2,[::1]:9/db?sslmode=disable'), wanted);
  const parameters = '?host=h1,h2,::1&sslmode=disable&port=5433,,9&target_session_attrs=read-write';
  assert.deepEqual(taken(`postgresql://u:p@other/db${parameters}`), wanted);
  assert.deepEqual(names('postgres://u:p@h1:5433,h2,[::1]:9/db'), ['h1:5433', 'h2:5432', '[::1]:9']);
});

test('sockets by their folders, one port for all', () => {
  assert.deepEqual(names('postgresql://u@localhost/db?host=/run/a,/run/b&port=5433'), ['/run/a:5433', '/run/b:5433']);
  const encoded = names('postgresql://%2Frun%2Fa:5433,%2Frun%2Fb%2Cc:5433/db');
  assert.deepEqual(encoded, ['/run/a:5433', '/run/b,c:5433']);
});

test('one server is given to the driver as it was written', () => {
  for (const text of [
    'postgresql://u:p@h/db?x=%20y',
    'postgresql://u@localhost/postgres?host=%2Frun&port=5432',
    '/run/postgresql db',
    'postgresql:///db',
  ]) {
    const { all } = DatabaseHosts.parse(text);
    assert.deepEqual(
      all.map(({ connectionString }) => connectionString),
      [text],
    );
  }
});

test('what is no list is refused with a reason that shows nothing of it', () => {
  const bad: [string, RegExp][] = [
    ['postgresql://u:geheim@h1,,h2/db', /has no name/],
    ['postgresql://u:geheim@h1:x,h2/db', /not HOST or HOST:PORT/],
    ['postgresql://u:geheim@h1:0,h2/db', /no port/],
    ['postgresql://u:geheim@h1:70000,h2/db', /no port/],
    ['postgresql://u:geheim@h/db?host=a,b,c&port=1,2', /not as many/],
    ['postgresql://u:geheim@h%zz,b/db', /no escape/],
    ['postgresql://u:geheim@h1,h2/db?target_session_attrs=any', /only the primary/],
    ['postgresql://u:geheim@h1/db?target_session_attrs=standby', /only the primary/],
    [`postgresql://u:geheim@${'h,'.repeat(16)}h/db`, /more than 16/],
  ];
  for (const [text, why] of bad) {
    assert.throws(
      () => DatabaseHosts.parse(text),
      (error) =>
        error instanceof DatabaseError &&
        error.code === 'bad_address' &&
        why.test(error.message) &&
        !error.message.includes('geheim'),
      text,
    );
  }
});

test("a comma written as %2C belongs to a socket folder's name, a plain one divides", () => {
  const names = (query: string): string[] =>
    DatabaseHosts.parse(`postgresql://u@localhost/db?${query}`).all.map((host) => host.name);
  assert.deepEqual(names('host=%2Frun%2Fo%2C%20d&port=5432'), ['/run/o, d:5432']);
  assert.deepEqual(names('host=%2Frun%2Fo%2C%20d,b'), ['/run/o, d:5432', 'b:5432']);
});

test('the one found to be the primary is tried first from then on, the others in their order', () => {
  const hosts = DatabaseHosts.parse('postgresql://a,b,c/db');
  const [a, b, c] = hosts.all;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  hosts.prefer(b);
  assert.deepEqual(hosts.inOrder(), [b, a, c]);
  assert.equal(String(hosts), 'a:5432, b:5432, c:5432');
});

test('no text makes the reader of addresses fail in another way, or say a password', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (hosts, query) => {
      try {
        for (const { name } of DatabaseHosts.parse(`postgresql://u:ge-heim@${hosts}/db?${query}`).all) {
          // A name may be whatever was written as a host, also what looks like the rest of an address.
          assert.ok(!name.includes('ge-heim'), name);
        }
      } catch (error) {
        assert.ok(error instanceof DatabaseError, String(error));
        assert.equal(error.code, 'bad_address');
        assert.ok(!error.message.includes('ge-heim'));
      }
    }),
  );
});

test('which settings may lose what was acknowledged', () => {
  const safe = {
    fsync: 'on',
    full_page_writes: 'on',
    data_sync_retry: 'off',
    synchronous_commit: 'on',
    synchronous_standby_names: '',
  };
  assert.deepEqual(unsafeSettings(safe), []);
  assert.deepEqual(unsafeSettings({ ...safe, fsync: 'off', full_page_writes: 'off', data_sync_retry: 'on' }), [
    'fsync=off',
    'full_page_writes=off',
    'data_sync_retry=on',
  ]);
  for (const [synchronous_commit, alone, withStandby] of [
    ['off', false, false],
    ['local', true, false],
    ['remote_write', true, false],
    ['on', true, true],
    ['remote_apply', true, true],
  ] as const) {
    const named = (names: string) =>
      unsafeSettings({ ...safe, synchronous_commit, synchronous_standby_names: names }).length === 0;
    assert.equal(named(''), alone, synchronous_commit);
    assert.equal(named('s1'), withStandby, synchronous_commit);
  }
});
