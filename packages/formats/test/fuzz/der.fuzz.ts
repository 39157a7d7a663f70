import { expect, type FuzzTarget, parsed, sameBytes, textOf } from '@sigstead/test/fuzz';
import {
  authorityKeyId,
  basicConstraints,
  decodePem,
  DerError,
  encodePem,
  extKeyUsage,
  FormatError,
  isIssuedBy,
  keyUsage,
  Oid,
  parseCertificate,
  type ParsedCertificate,
  publicKeyFromSpki,
  readDer,
  subjectAltNames,
  subjectKeyId,
  tbsWithoutExtension,
  validateDer,
} from '../../src/index.ts';
import { CERTIFICATES, SPKIS } from './seeds.ts';

const der: FuzzTarget = {
  name: 'der',
  kind: 'der',
  seeds: [...CERTIFICATES.slice(0, 4), ...[...SPKIS.values()].slice(0, 6)],
  judge(input) {
    const outer = parsed(
      () => readDer(input),
      [DerError],
      (element) => expect(sameBytes(element.raw, input), 'it is not the whole input'),
    );
    const inner = parsed(() => validateDer(input), [DerError]);
    expect(outer === 'accepted' || inner === 'refused', 'what is inside is read, and the outside is not');
    return inner;
  },
};

/** Every reader of an extension on its own: one that is spoilt says nothing of the others. */
const EXTENSIONS: readonly ((certificate: ParsedCertificate) => unknown)[] = [
  subjectAltNames,
  extKeyUsage,
  keyUsage,
  basicConstraints,
  subjectKeyId,
  authorityKeyId,
  (certificate) => tbsWithoutExtension(certificate, Oid.ctPoison),
  (certificate) => tbsWithoutExtension(certificate, Oid.ctSctList),
];

const certificate: FuzzTarget = {
  name: 'certificate',
  kind: 'der',
  seeds: CERTIFICATES,
  judge: (input) =>
    parsed(
      () => parseCertificate(input),
      [DerError],
      (found) => {
        expect(sameBytes(found.der, input), 'it is not the whole input');
        for (const read of EXTENSIONS) parsed(() => read(found), [DerError]);
      },
    ),
};

const [first] = CERTIFICATES;
if (first === undefined) throw new Error('no recorded certificate');
const issuer = parseCertificate(first);

/** Whether one certificate was issued by another is asked about every chain a stranger sends. */
const issued: FuzzTarget = {
  name: 'issued-by',
  kind: 'der',
  seeds: CERTIFICATES,
  judge: (input) =>
    parsed(
      () => parseCertificate(input),
      [DerError],
      (found) => {
        isIssuedBy(found, issuer);
        isIssuedBy(issuer, found);
        isIssuedBy(found, found);
      },
    ),
};

const spki: FuzzTarget = {
  name: 'public-key',
  kind: 'der',
  seeds: ['c-p256', 'c-p384', 'c-p521', 'c-ed25519', 'c-rsa2048', 'c-rsa4096'].map((name) => keyNamed(name)),
  judge: (input) =>
    parsed(
      () => publicKeyFromSpki(input),
      [FormatError],
      (key) => {
        expect(sameBytes(key.spki, input), 'the key is another one');
        // What is loaded is what was read: no second encoding of one key.
        const again = key.keyObject.export({ format: 'der', type: 'spki' });
        expect(key.kind === 'dsa' || sameBytes(again, input), 'it has a second encoding');
      },
    ),
};

function keyNamed(name: string): Uint8Array {
  const found = SPKIS.get(name);
  if (found === undefined) throw new Error(`no recorded key ${name}`);
  return found;
}

const pem: FuzzTarget = {
  name: 'pem',
  kind: 'lines',
  seeds: CERTIFICATES.slice(0, 4).map((bytes) => Buffer.from(encodePem('CERTIFICATE', bytes).repeat(2))),
  words: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----', '\r\n', '=', 'Proc-Type: 4,ENCRYPTED'],
  judge: (input) =>
    parsed(
      () => decodePem(textOf(input)),
      [DerError],
      (blocks) => {
        for (const { label, bytes } of blocks) {
          const [again] = decodePem(encodePem(label, bytes));
          expect(again !== undefined && sameBytes(again.bytes, bytes), 'a block is written otherwise');
        }
      },
    ),
};

export const targets: readonly FuzzTarget[] = [der, certificate, issued, spki, pem];
