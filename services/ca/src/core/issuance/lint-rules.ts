import { createHash } from 'node:crypto';
import { contextConstructed, contextPrimitive, Oid, parseSpki, Tag } from '@sigstead/formats';
import type { ExtensionValue, SubjectName } from '../identity/principal.ts';
import { only, type ReadExtension, type ReadTbs } from './lint-read.ts';
import { LEAF_LIFE_MS, type LeafTemplate } from './template.ts';

/** What stands last: the poison, the SCT list (TLS encoding), or nothing. */
export type LastExtension = 'poison' | 'none' | { readonly sctList: Uint8Array };

/** What a certificate must say. The identity comes from the verified token, not from the encoder. */
export interface LintExpectation {
  readonly template: LeafTemplate;
  readonly last: LastExtension;
}

/** One rule of the profile; `holds` may throw a DerError, which counts as broken. */
export interface LintRule {
  readonly id: string;
  readonly clause: string;
  readonly holds: (tbs: ReadTbs, expected: LintExpectation) => boolean;
}

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const ARC = '1.3.6.1.4.1.57264.1.';
/** Type of the otherName that holds a user name. */
const USERNAME_TYPE = `${ARC}7`;

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

function valueOf(tbs: ReadTbs, oid: string): Uint8Array {
  const found = tbs.extensions.find((each) => each.oid === oid);
  if (found === undefined) throw new Error(`no extension ${oid}`);
  return found.value;
}

/** Identifier and criticality of every extension, in the one order there is. */
function expectedShape({ template, last }: LintExpectation): [string, boolean][] {
  const tail: [string, boolean][] =
    last === 'poison' ? [[Oid.ctPoison, true]] : last === 'none' ? [] : [[Oid.ctSctList, false]];
  return [
    ['2.5.29.15', true],
    ['2.5.29.37', false],
    ['2.5.29.14', false],
    ['2.5.29.35', false],
    ['2.5.29.17', true],
    ...template.identity.extensions.map(({ n }): [string, boolean] => [`${ARC}${n}`, false]),
    ...tail,
  ];
}

function hasShape(extensions: readonly ReadExtension[], shape: readonly [string, boolean][]): boolean {
  return (
    extensions.length === shape.length &&
    extensions.every(({ oid, critical }, i) => oid === shape[i]?.[0] && critical === shape[i][1])
  );
}

/** The name is compared in the form a relying party reads, not as encoded bytes. */
function isOnlyName(value: Uint8Array, name: SubjectName): boolean {
  const names = only(value, Tag.sequence).children();
  const first = names.next();
  names.end();
  if (name.kind === 'email') return first.tag === contextPrimitive(1) && text(first.content) === name.value;
  if (name.kind === 'uri') return first.tag === contextPrimitive(6) && text(first.content) === name.value;
  if (first.tag !== contextConstructed(0)) return false;
  const parts = first.children();
  const type = parts.next(Tag.oid).oid();
  const inner = parts.next(contextConstructed(0)).children().next(Tag.utf8String);
  parts.end();
  return type === USERNAME_TYPE && text(inner.content) === name.value;
}

function isProvenance(value: Uint8Array, expected: ExtensionValue): boolean {
  if (expected.value === '') return false;
  return text(expected.n < 7 ? value : only(value, Tag.utf8String).content) === expected.value;
}

/** Every rule applies to every leaf and precertificate; the first broken one stops the issuance. */
export const LINT_RULES: readonly LintRule[] = [
  { id: 'version_3', clause: 'RFC 5280 §4.1.2.1', holds: (tbs) => tbs.version === 2n },
  {
    id: 'serial_positive_20_octets',
    clause: 'RFC 5280 §4.1.2.2',
    holds: (tbs, { template }) => {
      const number = BigInt(`0x${Buffer.from(tbs.serial).toString('hex')}`);
      const drawn = BigInt(`0x${Buffer.from(template.serial).toString('hex')}`);
      return tbs.serial.length <= 20 && (tbs.serial[0] ?? 0xff) < 0x80 && number > 0n && number === drawn;
    },
  },
  {
    id: 'signature_algorithm_of_ca',
    clause: 'RFC 5280 §4.1.2.3',
    holds: (tbs, { template }) => same(tbs.signatureAlgorithm, template.ca.signatureAlgorithm),
  },
  {
    id: 'issuer_is_subject_of_ca',
    clause: 'RFC 5280 §4.1.2.4',
    holds: (tbs, { template }) => same(tbs.issuer, template.ca.certificate.subject),
  },
  {
    id: 'validity_times',
    clause: 'RFC 5280 §4.1.2.5; Fulcio certificate specification, Validity',
    holds: (tbs, { template }) => {
      const [from, to] = [tbs.notBefore.ms, tbs.notAfter.ms];
      const asDrawn = from === template.notBeforeMs && to === template.notAfterMs;
      return asDrawn && from < to && to - from <= LEAF_LIFE_MS;
    },
  },
  {
    id: 'validity_form',
    clause: 'RFC 5280 §4.1.2.5: UTCTime through 2049',
    holds: (tbs) =>
      [tbs.notBefore, tbs.notAfter].every(
        (time) => time.tag === (time.ms < Date.UTC(2050, 0, 1) ? Tag.utcTime : Tag.generalizedTime),
      ),
  },
  {
    id: 'not_beyond_issuer',
    clause: 'RFC 5280 §6.1.3 (a)(2)',
    holds: (tbs, { template }) => tbs.notAfter.ms <= template.ca.notAfterMs,
  },
  {
    id: 'subject_empty',
    clause: 'Fulcio certificate specification, Subject',
    holds: (tbs) => tbs.subject.length === 2,
  },
  {
    id: 'key_is_proven_key',
    clause: 'RFC 5280 §4.1.2.7',
    holds: (tbs, { template }) => same(tbs.spki, template.spki),
  },
  {
    id: 'extensions_in_order',
    clause: 'Fulcio certificate specification, Extensions; RFC 6962 §3.1',
    holds: (tbs, expected) => hasShape(tbs.extensions, expectedShape(expected)),
  },
  {
    id: 'key_usage_digital_signature',
    clause: 'RFC 5280 §4.2.1.3',
    holds: (tbs) => {
      const { bytes, unusedBits } = only(valueOf(tbs, '2.5.29.15'), Tag.bitString).bitString();
      return unusedBits === 7 && bytes.length === 1 && bytes[0] === 0x80;
    },
  },
  {
    id: 'ext_key_usage_code_signing',
    clause: 'RFC 5280 §4.2.1.12',
    holds: (tbs) => {
      const usages = only(valueOf(tbs, '2.5.29.37'), Tag.sequence).children();
      return usages.next(Tag.oid).oid() === CODE_SIGNING && usages.done;
    },
  },
  {
    id: 'subject_key_id',
    clause: 'RFC 5280 §4.2.1.2 (1)',
    holds: (tbs, { template }) => {
      const digest = createHash('sha1').update(parseSpki(template.spki).key).digest();
      return same(only(valueOf(tbs, '2.5.29.14'), Tag.octetString).content, digest);
    },
  },
  {
    id: 'authority_key_id',
    clause: 'RFC 5280 §4.2.1.1',
    holds: (tbs, { template }) => {
      const parts = only(valueOf(tbs, '2.5.29.35'), Tag.sequence).children();
      return same(parts.next(contextPrimitive(0)).content, template.ca.subjectKeyId) && parts.done;
    },
  },
  {
    id: 'subject_name_is_verified_identity',
    clause: 'RFC 5280 §4.2.1.6; invariant I7',
    holds: (tbs, { template }) => isOnlyName(valueOf(tbs, '2.5.29.17'), template.identity.name),
  },
  {
    id: 'provenance_is_verified_identity',
    clause: 'Fulcio oid-info 1.3.6.1.4.1.57264.1; invariant I7',
    holds: (tbs, { template }) =>
      template.identity.extensions.every((each) => isProvenance(valueOf(tbs, `${ARC}${each.n}`), each)),
  },
  {
    id: 'last_extension',
    clause: 'RFC 6962 §3.1 (poison), §3.3 (SCT list)',
    holds: (tbs, { last }) => {
      if (last === 'none') return true;
      if (last === 'poison') return same(valueOf(tbs, Oid.ctPoison), Uint8Array.of(0x05, 0x00));
      return same(only(valueOf(tbs, Oid.ctSctList), Tag.octetString).content, last.sctList);
    },
  },
];
