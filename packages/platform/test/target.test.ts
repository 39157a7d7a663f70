import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cleanPath, parseTarget } from '../src/http/target.ts';

test('a path is decoded once and the query is left alone', () => {
  assert.deepEqual(parseTarget('/a%2Fb%252f?x=%zz?#'), {
    path: '/a/b%2f',
    query: 'x=%zz?#',
    routed: '/a/b%252f?x=%zz?#',
  });
  assert.deepEqual(parseTarget('/a#b%23'), { path: '/a#b#', query: '', routed: '/a%23b%23' });
  assert.equal(parseTarget('/%e2%82%ac%E2')?.path, '/%e2%82%ac%E2');
  assert.equal(parseTarget('/%e2%82%ac/%E2')?.path, '/€/%E2');
  assert.equal(parseTarget('http://h')?.path, '/');
  assert.equal(parseTarget('HTTPS://h:1/x?y')?.routed, '/x?y');
});

test('other forms and bad escapes are no targets', () => {
  for (const bad of ['', '*', 'x', 'ftp://h/x', 'http://', '/%', '/%4', '/%g1', '/a%2', 'h:443']) {
    assert.equal(parseTarget(bad), undefined, bad);
  }
});

test('the routed form decodes to the path again', () => {
  const segment = fc.array(
    fc.constantFrom('%', '2', 'F', 'f', '/', '?', '#', 'é', 'a', '%25', '%2f', '%00', '%ff', '.', ';'),
  );
  fc.assert(
    fc.property(segment, (parts) => {
      const target = parseTarget(`/${parts.join('')}`);
      if (target === undefined) return;
      const again = parseTarget(target.routed);
      assert.deepEqual(again, target);
    }),
    { numRuns: 3000 },
  );
});

test('a cleaned path has no empty, dot or trailing segment, stays cleaned and never leaves the root', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', '.', '..', '', '...', 'c.'), { maxLength: 12 }), (segments) => {
      const cleaned = cleanPath(`/${segments.join('/')}`);
      assert.match(cleaned, /^\//);
      assert.equal(cleanPath(cleaned), cleaned);
      if (cleaned !== '/')
        assert.ok(
          cleaned
            .slice(1)
            .split('/')
            .every((part) => !['', '.', '..'].includes(part)),
        );
    }),
  );
  assert.equal(cleanPath('/api/v1/../v1//timestamp/'), '/api/v1/timestamp');
  assert.equal(cleanPath('/../../x'), '/x');
});
