import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ctNoteVerifier,
  ed25519PublicKey,
  formatVerifierKey,
  parseVerifierKey,
  verifierKey,
  verifierOf,
  verifyNote,
} from '../src/index.ts';
import { testKey } from './support/note-keys.ts';

/** Published keys, one of each type, and a note that each is known to verify. */
const REKOR_KEY =
  'AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=';
const ROME_KEY =
  'BTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAFzPC3fap+uINc1RQ4eRbYMUt84+bKkA8GDLN8KwVdzAgYhYSv4kS8XSheGLAHCWhIJTJbuC3sL88bNMTtrsBM=';
const PUBLISHED = [
  {
    type: 'ed25519',
    vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
    note: 'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
  },
  {
    type: 'ecdsa',
    vkey: `rekor.sigstore.dev+c0d23d6a+${REKOR_KEY}`,
    note: 'Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n— rekor.sigstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=\n',
  },
  {
    type: 'rfc6962',
    vkey: `rome.ct.filippo.io/2024h1+78f4abae+${ROME_KEY}`,
    note: 'rome.ct.filippo.io/2024h1\n115474666\n2q1K6aiIJR+F7TyhiWOghoWOjY0/3dVBLsBbAvB4xCw=\n\n— rome.ct.filippo.io/2024h1 ePSrrgAAAY5+gVlSBAMARzBFAiEAv8bOMzo3Ed/GbU9fzzJvaStX6i8xTsmEF+NqvpGhIO0CIEn1X+zzVEerdix64GEn97XCXObA2G5JQ8UDDqCKdG5m\n',
  },
] as const;

test('verifier keys of all types reproduce published ones, which verify published notes', () => {
  for (const { type, vkey, note } of PUBLISHED) {
    const parsed = parseVerifierKey(vkey);
    assert.equal(parsed.type, type);
    assert.equal(formatVerifierKey(parsed), vkey);
    assert.equal(formatVerifierKey(verifierKey(parsed.name, type, parsed.key)), vkey);
    assert.equal(verifyNote(note, [verifierOf(parsed)]).length, 1);
    assert.throws(() => verifyNote(note.replace(/[1-9e]/, '0'), [verifierOf(parsed)]), /note: /, vkey);
  }
  const cosigner = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2';
  assert.equal(parseVerifierKey(cosigner).type, 'cosignature-v1');
  assert.equal(formatVerifierKey(parseVerifierKey(cosigner)), cosigner);
});

test('a CT log signs under its own name only', () => {
  const [, , rome] = PUBLISHED;
  const { key } = parseVerifierKey(rome.vkey);
  assert.throws(() => verifyNote(rome.note, [ctNoteVerifier('rome.ct.filippo.io/2024h2', key)]), {
    code: 'note_unsigned',
  });
});

test('what is no verifier key is refused, and so is one whose id is not its own', () => {
  const good = PUBLISHED[0].vkey;
  const [name = '', id = '', material = ''] = good.split('+');
  const bad: [string, string][] = [
    ['nothing', ''],
    ['two parts', `${name}+${id}`],
    ['empty name', `+${id}+${material}`],
    ['name with space', `a b+${id}+${material}`],
    ['other name, same id', `example.com/fop+${id}+${material}`],
    ['other id', `${name}+530d903b+${material}`],
    ['id in capitals', `${name}+530D903A+${material}`],
    ['id of 7 digits', `${name}+530d903+${material}`],
    ['not base64', `${name}+${id}+THIS_IS_NOT_BASE64!`],
    ['base64 without padding', PUBLISHED[1].vkey.slice(0, -1)],
    ['no key', `${name}+${id}+`],
    ['type 0', `${name}+${id}+${Buffer.alloc(33).toString('base64')}`],
    ['ML-DSA-44, which we do not have', `${name}+${id}+${Buffer.alloc(1313, 6).toString('base64')}`],
    ['Ed25519 key of 31 bytes', `${name}+${id}+${Buffer.alloc(32, 1).toString('base64')}`],
    ['ECDSA key that is none', `${name}+${id}+${Buffer.alloc(92, 2).toString('base64')}`],
    ['line end', `${good}\n`],
    ['fourth part', `${good}+x`],
    ['endless', `${name}+${id}+${'A'.repeat(20_000)}`],
  ];
  for (const [what, text] of bad) assert.throws(() => parseVerifierKey(text), { code: 'vkey_malformed' }, what);
});

test('a key has a verifier key only for the signatures it can make', () => {
  const [ed25519, ec, rsa] = [testKey('ed25519').key, testKey('ec').key, testKey('rsa').key];
  assert.equal(verifierKey('a', 'rfc6962', rsa).type, 'rfc6962');
  for (const [type, key] of [
    ['ed25519', ec],
    ['cosignature-v1', ec],
    ['ecdsa', ed25519],
    ['ecdsa', rsa],
    ['rfc6962', ed25519],
  ] as const) {
    assert.throws(() => verifierKey('a', type, key), { code: 'vkey_malformed' }, `${type} ${key.kind}`);
  }
  assert.throws(() => verifierKey('a b', 'ecdsa', ec), { code: 'note_name_invalid' });
  assert.throws(() => ed25519PublicKey(Buffer.alloc(31)), { code: 'key_unparsable' });
});
