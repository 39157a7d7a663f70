import assert from 'node:assert/strict';
import test from 'node:test';
import { parseEnvelope } from '../src/core/envelope.ts';
import type { RoleName } from '../src/core/metadata.ts';
import { targetFile } from '../src/core/target-files.ts';
import { type Doc } from './support.ts';
import { published, refused } from './attack-support.ts';

type Change = (document: Doc) => void;
const SHAPES: [name: string, role: RoleName, change: Change][] = [
  [
    'C38: a snapshot that drops a role',
    'snapshot',
    (d) => {
      d.signed.meta = {};
    },
  ],
  [
    'a snapshot that names another role',
    'snapshot',
    (d) => {
      d.signed.meta['root.json'] = { version: 1 };
    },
  ],
  [
    'B19: fractions in expires',
    'timestamp',
    (d) => {
      d.signed.expires = '2027-01-01T00:00:00.000Z';
    },
  ],
  [
    'B19: an offset in expires',
    'timestamp',
    (d) => {
      d.signed.expires = '2027-01-01T00:00:00+00:00';
    },
  ],
  [
    'B19: a day that does not exist',
    'timestamp',
    (d) => {
      d.signed.expires = '2027-02-30T00:00:00Z';
    },
  ],
  [
    'B21: a second hash algorithm',
    'targets',
    (d) => {
      d.signed.targets['rekor.pub'].hashes.sha512 = 'a'.repeat(128);
    },
  ],
  [
    'B21: no hash',
    'targets',
    (d) => {
      d.signed.targets['rekor.pub'].hashes = {};
    },
  ],
  [
    'B21: length 0',
    'targets',
    (d) => {
      d.signed.targets['rekor.pub'].length = 0;
    },
  ],
  [
    'B20: an empty custom',
    'targets',
    (d) => {
      d.signed.targets['rekor.pub'].custom = {};
    },
  ],
  [
    'B20: an explicit null',
    'targets',
    (d) => {
      d.signed.targets['trusted_root.json'].custom = null;
    },
  ],
  [
    'C47: delegations',
    'targets',
    (d) => {
      d.signed.delegations = { keys: {}, roles: [] };
    },
  ],
  [
    'a fraction as version',
    'timestamp',
    (d) => {
      d.signed.version = 1.5;
    },
  ],
  [
    'a version of 0',
    'timestamp',
    (d) => {
      d.signed.version = 0;
    },
  ],
  [
    'consistent snapshots off',
    'root',
    (d) => {
      d.signed.consistent_snapshot = false;
    },
  ],
  [
    'a threshold of 0',
    'root',
    (d) => {
      d.signed.roles.timestamp.threshold = 0;
    },
  ],
  [
    'C39: one key listed twice',
    'root',
    (d) => {
      d.signed.roles.root.keyids.push(d.signed.roles.root.keyids[0]);
    },
  ],
  [
    'a role whose key is not there',
    'root',
    (d) => {
      d.signed.roles.root.keyids = ['a'.repeat(64)];
    },
  ],
  [
    'an extra role',
    'root',
    (d) => {
      d.signed.roles.mirrors = d.signed.roles.root;
    },
  ],
  [
    'another scheme',
    'root',
    (d) => {
      Object.values<Doc>(d.signed.keys)[0].scheme = 'ecdsa-sha2-nistp384';
    },
  ],
  [
    'a field added to a key',
    'root',
    (d) => {
      Object.values<Doc>(d.signed.keys)[0]['x-owner'] = 'me';
    },
  ],
  [
    'the type of another role',
    'snapshot',
    (d) => {
      d.signed._type = 'timestamp';
    },
  ],
  [
    'spec version 2',
    'timestamp',
    (d) => {
      d.signed.spec_version = '2.0';
    },
  ],
];

for (const [name, role, change] of SHAPES) {
  test(`refused in ${role}: ${name}`, async () => {
    const { second } = await published();
    const document = JSON.parse(Buffer.from(role === 'root' ? second.roots[0]!.bytes : second[role].bytes).toString());
    change(document);
    assert.throws(() => parseEnvelope(Buffer.from(JSON.stringify(document)), role), refused('metadata_malformed'));
  });
}

test('metadata that repeats a name, goes on after its end, is no JSON or too deep is refused', async () => {
  const { second } = await published();
  const text = Buffer.from(second.timestamp.bytes).toString();
  for (const bad of [
    text.replace('"version": 2', '"version": 2, "version": 3'),
    `${text}{}`,
    '',
    '[]',
    'null',
    '{"signed":',
    '['.repeat(5000),
    '\ufeff' + text,
  ]) {
    assert.throws(() => parseEnvelope(Buffer.from(bad), 'timestamp'), refused('metadata_malformed'));
  }
});

test('C47: metadata over the size that clients read is refused, each role by its own limit', () => {
  const limits = { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000 };
  for (const [role, limit] of Object.entries(limits)) {
    assert.throws(() => parseEnvelope(Buffer.alloc(limit + 1, 0x20), role as RoleName), refused('metadata_too_large'));
  }
  assert.throws(() => targetFile('big.json', Buffer.alloc(5_000_001)), refused('lint'));
  assert.throws(() => targetFile('empty.json', Buffer.alloc(0)), refused('lint'));
});

test('target names outside the plain characters are refused', () => {
  for (const name of ['a b', 'a%20b', 'a/b', '../a', '.hidden', '', 'ä.json', 'a\n', 'a\\b', 'x'.repeat(200)]) {
    assert.throws(() => targetFile(name, Buffer.from('x')), refused('target_name'));
  }
});
