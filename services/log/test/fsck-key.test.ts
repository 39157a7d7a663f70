import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import {
  encodePem,
  formatCheckpointBody,
  formatNote,
  noteKeyHash,
  publicKeyFromSpki,
  signatureLine,
} from '@sigstead/formats';
import { readBundle } from '../src/core/entry-bundle.ts';
import { checkTree } from '../src/fsck/check-tree.ts';
import { readCheckpointKey } from '../src/fsck/checkpoint-key.ts';
import type { TreeReport } from '../src/fsck/report.ts';
import { LogError } from '../src/core/errors.ts';
import { bundleOf, KEY_PEM, ORIGIN, rootOf, treeFiles } from './support/folder-log.ts';
import { hasher } from './support/test-log.ts';

/** Published keys of Go's checksum database and of the note package's documentation. */
const GO_KEYS = [
  'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8',
  'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
];

test('verifier keys of others are read, and their ids are those of their keys', () => {
  for (const text of GO_KEYS) {
    const key = readCheckpointKey(`${text}\n`);
    const [name, id] = text.split('+');
    assert.equal(key.name, name);
    assert.equal(Buffer.from(key.verifierFor(name ?? '').keyHash).toString('hex'), id);
  }
});

test('keys that are none, of another kind, or whose id is not theirs are refused', () => {
  const [go = ''] = GO_KEYS;
  const bad = [
    '',
    'nonsense',
    go.replace('033de0ae', '033de0af'),
    go.replace('sum.golang.org', 'sum.golang.com'),
    go.slice(0, -4),
    go.replace('+Ac', '+Ec'),
    `${KEY_PEM}${KEY_PEM}`,
    encodePem('CERTIFICATE', Buffer.from('30030101ff', 'hex')),
    encodePem('PUBLIC KEY', Buffer.from('30030101ff', 'hex')),
  ];
  for (const text of bad) {
    assert.throws(
      () => readCheckpointKey(text),
      (error) => error instanceof LogError && error.code === 'misconfigured',
      text,
    );
  }
});

test('the key of a CT log is of type 5, and one of another kind is not taken for it', () => {
  const rome =
    'rome.ct.filippo.io/2024h1+78f4abae+BTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAFzPC3fap+uINc1RQ4eRbYMUt84+bKkA8GDLN8KwVdzAgYhYSv4kS8XSheGLAHCWhIJTJbuC3sL88bNMTtrsBM=';
  const key = readCheckpointKey(rome, true);
  assert.equal(Buffer.from(key.verifierFor('rome.ct.filippo.io/2024h1').keyHash).toString('hex'), '78f4abae');
  const witness = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2';
  for (const [text, ct] of [
    [rome, false],
    [GO_KEYS[0] ?? '', true],
    [witness, false],
    [witness, true],
  ] as const) {
    assert.throws(() => readCheckpointKey(text, ct), { code: 'misconfigured' }, text);
  }
});

const entries = [Buffer.from('one'), Buffer.from('two')];

async function check(checkpoint: string, key: string, origin?: string): Promise<TreeReport> {
  const files = treeFiles(entries).set('checkpoint', Buffer.from(checkpoint));
  const source = {
    name: 'memory',
    read: async (path: string) => Promise.resolve(files.get(path)),
    close: () => Promise.resolve(),
  };
  const wanted = origin === undefined ? {} : { origin };
  return checkTree({ source, hasher, key: readCheckpointKey(key), readAhead: 1, ...wanted });
}

test('Ed25519 and ECDSA checkpoints verify with a verifier key, and only under its name', async () => {
  for (const { publicKey, privateKey, type } of [
    { ...generateKeyPairSync('ed25519'), type: 1 },
    { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), type: 2 },
  ]) {
    const key = publicKeyFromSpki(publicKey.export({ type: 'spki', format: 'der' }));
    const id = noteKeyHash(ORIGIN, key);
    const keyBytes = Buffer.concat([Buffer.of(type), key.raw ?? key.spki]);
    const vkey = `${ORIGIN}+${Buffer.from(id.subarray(0, 4)).toString('hex')}+${keyBytes.toString('base64')}`;
    const signed = (origin: string): string => {
      const root = rootOf(entries.map((entry) => hasher.leaf(entry)));
      const body = formatCheckpointBody({ origin, size: 2, root, extensions: [] });
      const signature = sign(type === 1 ? null : 'sha256', Buffer.from(body), privateKey);
      return formatNote(body, [signatureLine(ORIGIN, id, signature)]);
    };
    assert.equal((await check(signed(ORIGIN), vkey)).outcome, 'ok');
    assert.equal((await check(signed('other.test'), vkey)).problems[0]?.code, 'checkpoint');
    assert.equal((await check(signed('other.test'), vkey, 'other.test')).outcome, 'ok');
    assert.equal((await check(signed(ORIGIN), vkey, 'other.test')).problems[0]?.code, 'checkpoint');
    assert.equal((await check(signed(ORIGIN), KEY_PEM)).problems[0]?.code, 'signature');
  }
});

test('bundles: empty and longest entries, and every way to be cut off', () => {
  const longest = [Buffer.alloc(0), Buffer.alloc(65_535, 7), Buffer.from('x')];
  const bytes = bundleOf(longest);
  const whole = readBundle(bytes, 3);
  assert.deepEqual([whole.fault, whole.end], [undefined, bytes.length]);
  assert.deepEqual(
    whole.entries.map((entry) => entry.length),
    [0, 65_535, 1],
  );
  for (const length of [0, 1, 2, 3, 100, bytes.length - 3, bytes.length - 2, bytes.length - 1]) {
    assert.notEqual(readBundle(bytes.subarray(0, length), 3).fault, undefined, String(length));
  }
  assert.equal(readBundle(bytes, 2).fault, '3 bytes follow its 2 entries');
  assert.deepEqual(readBundle(bytes, 2, true).fault, undefined);
});
