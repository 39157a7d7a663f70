import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeOidContent, Oid, utcTimeText } from '@sigstead/formats';

/** One DER element. Written for tests alone, so that what is checked is not made by what checks it. */
export function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const octets =
    length < 0x100
      ? [length]
      : length < 0x10000
        ? [length >> 8, length & 255]
        : [length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.of(tag, 0x80 | octets.length, ...octets), content]);
}

const oid = (dotted: string): Buffer => der(0x06, encodeOidContent(dotted));
const name = (text: string): Buffer => der(0x30, der(0x31, der(0x30, oid('2.5.4.3'), der(0x0c, Buffer.from(text)))));
const time = (ms: number): Buffer => der(0x17, Buffer.from(utcTimeText(ms)));

export interface TestExtension {
  oid: string;
  critical?: boolean;
  value: Uint8Array;
}

export interface TestCertificate {
  der: Buffer;
  subject: string;
  privateKey: KeyObject;
  spki: Buffer;
}

export const POISON: TestExtension = { oid: Oid.ctPoison, critical: true, value: Buffer.of(0x05, 0x00) };

export function isCa(pathLength?: number): TestExtension {
  const length = pathLength === undefined ? [] : [der(0x02, Buffer.of(pathLength))];
  return { oid: Oid.basicConstraints, critical: true, value: der(0x30, der(0x01, Buffer.of(0xff)), ...length) };
}

/** extKeyUsage with these purposes. */
export function usages(...oids: string[]): TestExtension {
  return { oid: Oid.extKeyUsage, value: der(0x30, ...oids.map(oid)) };
}

/** authorityKeyIdentifier with this key identifier. */
export function authorityKey(id: Uint8Array): TestExtension {
  return { oid: Oid.authorityKeyIdentifier, value: der(0x30, der(0x80, id)) };
}

let serial = 1;

/** A certificate signed by `issuer`, or by itself. P-256 and SHA-256 throughout. */
export function certificate(options: {
  subject: string;
  issuer?: TestCertificate;
  extensions: TestExtension[];
  key?: { privateKey: KeyObject; spki: Buffer };
  /** Whole seconds. Default: ten minutes into 2026. */
  notAfterMs?: number;
  /** Below 128. Default: another one each time, over and over. */
  serial?: number;
}): TestCertificate {
  const { subject, issuer, extensions } = options;
  const made = options.key ?? newCertificateKey();
  const algorithm = der(0x30, oid(Oid.ecdsaSha256));
  const list = extensions.map((e) =>
    der(0x30, oid(e.oid), ...(e.critical === true ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, e.value)),
  );
  const now = Date.UTC(2026, 0, 1);
  const tbs = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(0x10, options.serial ?? serial++ & 0x7f)),
    algorithm,
    name(issuer?.subject ?? subject),
    der(0x30, time(now), time(options.notAfterMs ?? now + 600_000)),
    name(subject),
    made.spki,
    der(0xa3, der(0x30, ...list)),
  );
  const signature = sign('sha256', tbs, issuer?.privateKey ?? made.privateKey);
  const bytes = der(0x30, tbs, algorithm, der(0x03, Buffer.of(0), signature));
  return { der: bytes, subject, privateKey: made.privateKey, spki: made.spki };
}

function newCertificateKey(): { privateKey: KeyObject; spki: Buffer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, spki: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }) };
}
