import assert from 'node:assert/strict';
import { createPublicKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseCertificate, publicKeyFromSpki } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import type { IssuanceRecord } from '../src/core/ports.ts';
import { issuingCa } from '../src/core/issuance/issuing-ca.ts';
import { lint, type SigningPermit } from '../src/core/issuance/permit.ts';
import { recordPermit, signRecorded } from '../src/core/issuance/sign.ts';
import { leafTbs } from '../src/core/issuance/tbs.ts';
import { leafTemplate } from '../src/core/issuance/template.ts';
import { chainDer, keyPem } from './support/recorded.ts';
import { NOW_MS } from './support/tokens.ts';

/* Code of our own that goes wrong between lint and signature. */

const ca = issuingCa(signerFromPem(keyPem('ca-int')), chainDer('ca-chain'), NOW_MS);
const key = publicKeyFromSpki(createPublicKey(keyPem('c-p256')).export({ type: 'spki', format: 'der' }));
const identity = { name: { kind: 'email', value: 'dev@example.com' }, extensions: [] } as const;

function linted(): { permit: SigningPermit; given: Buffer; before: Buffer } {
  const template = leafTemplate({ ca, key, identity, nowMs: NOW_MS, random: (count) => randomBytes(count) });
  // As a Buffer, whose slices share their memory.
  const given = Buffer.from(leafTbs(template).plain());
  return { permit: lint(given, { template, last: 'none' }), given, before: Buffer.from(given) };
}

const recorded = async (permit: SigningPermit) => {
  const records: IssuanceRecord[] = [];
  const append = (record: IssuanceRecord): Promise<void> => Promise.resolve(void records.push(record));
  const handle = await recordPermit(permit, { store: { append }, ca, tokenSha256: new Uint8Array(32) });
  return { handle, records };
};

test('bytes in a Buffer that change after lint change neither record nor signature', async () => {
  const { permit, given, before } = linted();
  given.fill(0);
  permit.tbs().fill(0);
  const { handle, records } = await recorded(permit);
  assert.deepEqual(Buffer.from(records[0]?.tbs ?? []), before);
  records[0]?.tbs.fill(0);
  const certificate = parseCertificate(await signRecorded(handle, ca));
  assert.deepEqual(Buffer.from(certificate.tbs), before);
  assert.deepEqual(Buffer.from(records[0]?.serial ?? []), Buffer.from(certificate.serial));
});

test('a record of one permit cannot be made to stand for another, nor a permit be turned into another kind', async () => {
  const [one, other] = [linted(), linted()];
  const { handle } = await recorded(one.permit);
  assert.throws(() => Object.assign(handle, { permit: other.permit }), TypeError);
  assert.throws(() => Object.assign(one.permit, { kind: 'precertificate' }), TypeError);
});
