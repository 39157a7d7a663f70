import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  basicConstraints,
  decodePem,
  extKeyUsage,
  isIssuedBy,
  keyUsage,
  Oid,
  parseCertificate,
} from '@sigstead/formats';
import { type IssuedCertificate, newCaChain, newTsaChain, signerFromPem } from '../src/index.ts';

const options = {
  organization: 'example',
  commonName: 'DEVELOPMENT example',
  notBefore: new Date('2026-01-02T03:04:05Z'),
  rootYears: 10,
  intermediateYears: 10,
};

function parse(certificate: IssuedCertificate) {
  const [block] = decodePem(certificate.certificatePem);
  assert.ok(block);
  const parsed = parseCertificate(block.bytes);
  assert.deepEqual(Buffer.from(parsed.spki), Buffer.from(signerFromPem(certificate.privateKeyPem).spki));
  return parsed;
}

test('a CA chain has the profile that strict clients demand', async () => {
  const chain = await newCaChain(options);
  const [root, intermediate] = [parse(chain.root), parse(chain.intermediate)];
  assert.equal(isIssuedBy(root, root), true);
  assert.equal(isIssuedBy(intermediate, root), true);
  assert.deepEqual(basicConstraints(root), { isCa: true, pathLength: 1, critical: true });
  assert.deepEqual(basicConstraints(intermediate), { isCa: true, pathLength: 0, critical: true });
  assert.deepEqual([...(keyUsage(intermediate) ?? [])], ['keyCertSign', 'cRLSign']);
  assert.deepEqual(extKeyUsage(intermediate), { oids: [Oid.codeSigning], critical: false });
  assert.equal(intermediate.notAfterMs, Date.parse('2036-01-02T03:04:05Z'));
});

test('a TSA leaf is no CA and has exactly one, critical, extended key usage', async () => {
  const chain = await newTsaChain({ ...options, leafYears: 9 });
  const [root, intermediate, leaf] = [parse(chain.root), parse(chain.intermediate), parse(chain.leaf)];
  assert.equal(isIssuedBy(intermediate, root) && isIssuedBy(leaf, intermediate), true);
  assert.equal(basicConstraints(leaf), undefined);
  assert.deepEqual(extKeyUsage(leaf), { oids: [Oid.timeStamping], critical: true });
  assert.deepEqual(extKeyUsage(intermediate), { oids: [Oid.timeStamping], critical: false });
  assert.ok(leaf.notAfterMs < intermediate.notAfterMs);
});

test('openssl verifies both chains under -x509_strict', async (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'sigstead-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const chain = await newTsaChain({ ...options, leafYears: 9 });
  for (const [file, certificate] of Object.entries(chain))
    writeFileSync(join(folder, file), certificate.certificatePem);
  const args = [
    'verify',
    '-x509_strict',
    '-purpose',
    'timestampsign',
    '-CAfile',
    join(folder, 'root'),
    '-untrusted',
    join(folder, 'intermediate'),
    join(folder, 'leaf'),
  ];
  assert.match(execFileSync('openssl', args, { encoding: 'utf8' }), /: OK/);
});
