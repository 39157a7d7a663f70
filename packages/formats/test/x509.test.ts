import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  authorityKeyId,
  basicConstraints,
  DerError,
  DerWriter,
  decodePem,
  extKeyUsage,
  findExtension,
  isIssuedBy,
  keyIdentifier,
  keyUsage,
  Oid,
  parseCertificate,
  parseCsr,
  readDer,
  subjectAltNames,
  subjectKeyId,
  Tag,
  tbsWithoutExtension,
} from '../src/index.ts';

const recorded = new URL('../../../test/vectors/recorded/', import.meta.url);
const chain = (name: string) =>
  decodePem(readFileSync(new URL(`keys/${name}`, recorded), 'utf8')).map((block) => parseCertificate(block.bytes));
const leaves = readFileSync(new URL('ca-certificates.jsonl', recorded), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line).response.leafDer as string | undefined)
  .filter((leaf) => leaf !== undefined)
  .map((leaf) => Buffer.from(leaf, 'base64'));

test('every certificate that a real Fulcio issued is read like OpenSSL reads it', () => {
  assert.ok(leaves.length > 200);
  const [issuer] = chain('ca-chain.pem');
  assert.ok(issuer);
  for (const der of leaves) {
    const parsed = parseCertificate(der);
    const oracle = new X509Certificate(der);
    assert.equal(BigInt(`0x${Buffer.from(parsed.serial).toString('hex')}`), BigInt(`0x${oracle.serialNumber}`));
    assert.equal(parsed.notAfterMs, oracle.validToDate.getTime());
    assert.deepEqual(Buffer.from(parsed.spki), oracle.publicKey.export({ type: 'spki', format: 'der' }));
    assert.deepEqual([...(keyUsage(parsed) ?? [])], ['digitalSignature']);
    assert.deepEqual(extKeyUsage(parsed), { oids: [Oid.codeSigning], critical: false });
    assert.equal(subjectAltNames(parsed)?.names.length, 1);
    assert.deepEqual(Buffer.from(subjectKeyId(parsed) ?? []), Buffer.from(keyIdentifier(parsed.spki)));
    assert.deepEqual(Buffer.from(authorityKeyId(parsed) ?? []), Buffer.from(subjectKeyId(issuer) ?? []));
    assert.equal(isIssuedBy(parsed, issuer), true);
  }
});

test('a TBS without its SCT list keeps every other byte', () => {
  for (const der of leaves.slice(0, 50)) {
    const parsed = parseCertificate(der);
    const scts = findExtension(parsed, Oid.ctSctList);
    assert.ok(scts);
    const without = Buffer.from(tbsWithoutExtension(parsed, Oid.ctSctList));
    const extensions = Buffer.concat(
      parsed.extensions.filter((extension) => extension !== scts).map((extension) => extension.raw),
    );
    assert.ok(without.includes(extensions));
    assert.ok(!without.includes(Buffer.from(scts.raw)));
    const before = Buffer.from(parsed.tbs).indexOf(Buffer.from(parsed.extensions[0]?.raw ?? []));
    assert.ok(without.includes(Buffer.from(parsed.tbs).subarray(4, before - 8)));
  }
});

test('removing an extension that is not there is an error, not a no-op', () => {
  const [leaf] = leaves;
  assert.ok(leaf);
  assert.throws(() => tbsWithoutExtension(parseCertificate(leaf), Oid.ctPoison), DerError);
});

test('CA certificates say so, and chains link upwards only', () => {
  for (const name of [
    'ca-chain.pem',
    'ca2-p384-chain.pem',
    'ca2-p521-chain.pem',
    'ca2-rsa-chain.pem',
    'ca2-ed-chain.pem',
    'tsa-chain.pem',
  ]) {
    const certificates = chain(name);
    const root = certificates.at(-1);
    assert.ok(root);
    assert.equal(basicConstraints(root)?.isCa, true, name);
    assert.equal(isIssuedBy(root, root), true, name);
    for (let i = 0; i + 1 < certificates.length; i++) {
      const [child, parent] = [certificates[i], certificates[i + 1]];
      assert.ok(child && parent);
      assert.equal(isIssuedBy(child, parent), true, name);
      assert.equal(isIssuedBy(parent, child), false, name);
    }
  }
});

test('one flipped bit anywhere in a certificate is refused or breaks its signature', () => {
  const [der] = leaves;
  const [issuer] = chain('ca-chain.pem');
  assert.ok(der && issuer);
  for (let bit = 0; bit < der.length * 8; bit += 5) {
    const mutated: Buffer = Buffer.from(der);
    mutated[bit >> 3] = (mutated[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    try {
      assert.equal(isIssuedBy(parseCertificate(mutated), issuer), false, `bit ${bit}`);
    } catch (error) {
      assert.ok(error instanceof DerError, String(error));
    }
  }
});

function element(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  const writer = new DerWriter();
  writer.primitive(tag, Buffer.concat(parts));
  return writer.finish();
}

function childrenOf(bytes: Uint8Array): Uint8Array[] {
  const cursor = readDer(bytes).children();
  const children: Uint8Array[] = [];
  while (!cursor.done) children.push(cursor.next().raw);
  return children;
}

test('a repeated extension, and a signature algorithm that the signed part does not name, are refused', () => {
  const der = leaves[0] ?? assert.fail();
  const [tbs, ...signature] = childrenOf(der);
  const fields = childrenOf(tbs ?? assert.fail());
  const rebuilt = (tbsFields: readonly Uint8Array[], end: readonly Uint8Array[]): Uint8Array =>
    element(Tag.sequence, [element(Tag.sequence, tbsFields), ...end]);
  assert.deepEqual(Buffer.from(rebuilt(fields, signature)), der);
  const extensions = parseCertificate(der).extensions.map(({ raw }) => raw);
  const [first = assert.fail()] = extensions;
  const repeated = element(0xa3, [element(Tag.sequence, [...extensions, first])]);
  const ed25519 = Buffer.from('300506032b6570', 'hex');
  for (const bad of [
    rebuilt([...fields.slice(0, -1), repeated], signature),
    rebuilt(fields, [ed25519, ...signature.slice(1)]),
  ]) {
    assert.throws(
      () => parseCertificate(bad),
      (error) => error instanceof DerError && error.code === 'bad_structure',
    );
  }
});

test('arbitrary and truncated bytes are refused by a coded error', () => {
  const [der] = leaves;
  assert.ok(der);
  for (let length = 0; length < der.length; length += 7)
    assert.throws(() => parseCertificate(der.subarray(0, length)), DerError);
  assert.throws(() => parseCertificate(Buffer.concat([der, Buffer.of(0)])), DerError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (input) => {
      assert.throws(() => parseCertificate(input), DerError);
      assert.throws(() => parseCsr(input), DerError);
    }),
  );
});
