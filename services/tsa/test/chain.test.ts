import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeTsa, type TsaOptions, type TsaSetupCode, TsaSetupError } from '@sigstead/tsa';
import { type ChainWish, KeyUsageFlags, makeChain } from './make-chain.ts';
import { recordedChain, TEST_NOW_MS, testOptions, vectorKey } from './support.ts';
import { signerFromPem } from '@sigstead/keys';

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

async function refusedWith(code: TsaSetupCode, options: Partial<TsaOptions>): Promise<void> {
  await assert.rejects(composeTsa(testOptions(options)), (error: unknown) => {
    assert.ok(error instanceof TsaSetupError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.remedy.length > 10 && !error.message.includes('\n'), 'one line that says what to do');
    return true;
  });
}

const wishes: [string, TsaSetupCode, ChainWish][] = [
  ['EKU missing', 'leaf_eku_missing', { leafEku: 'none' }],
  ['EKU of another purpose', 'leaf_eku_missing', { leafEku: { oids: [CODE_SIGNING], critical: true } }],
  ['EKU not critical', 'leaf_eku_not_critical', { leafEku: { oids: [TIME_STAMPING], critical: false } }],
  ['EKU with an extra purpose', 'leaf_eku_extra', { leafEku: { oids: [TIME_STAMPING, CODE_SIGNING], critical: true } }],
  [
    'EKU with an unknown extra purpose',
    'leaf_eku_extra',
    { leafEku: { oids: [TIME_STAMPING, '1.2.3.4'], critical: true } },
  ],
  ['leaf that is a CA', 'leaf_is_ca', { leafIsCa: true }],
  [
    'leaf whose key may sign certificates',
    'leaf_key_usage',
    { leafKeyUsage: KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign },
  ],
  ['leaf expired', 'leaf_expired', { leafNotAfterMs: TEST_NOW_MS - 1000 }],
  ['leaf not yet valid', 'leaf_expired', { leafNotBeforeMs: TEST_NOW_MS + 86_400_000 }],
  ['intermediate expired', 'chain_expired', { intermediateNotAfterMs: TEST_NOW_MS - 1000 }],
  ['intermediate that is no CA', 'chain_ca', { intermediateIsCa: false }],
  ['intermediate that may not sign certificates', 'chain_ca', { intermediateKeyUsage: KeyUsageFlags.cRLSign }],
  ['root that allows no CA below it', 'chain_ca', { rootPathLength: 0 }],
  ['intermediate without the timeStamping purpose', 'chain_eku', { intermediateEku: 'none' }],
  ['Ed25519 key, which clients do not verify', 'unsupported_key', { leafAlgorithm: 'Ed25519' }],
];

for (const [what, code, wish] of wishes) {
  test(`D55 start refused: ${what}`, async () => {
    await refusedWith(code, await makeChain(wish));
  });
}

test('D55 start refused: chain of one certificate, or none', async () => {
  const { chain, signer } = await makeChain();
  await refusedWith('chain_too_short', { chain: chain.slice(0, 1), signer });
  await refusedWith('chain_too_short', { chain: [], signer });
});

test('D55 start refused: chain out of order, with a link missing, or not ending in a self-signed root', async () => {
  const { chain, signer } = await makeChain();
  const [leaf, intermediate, root] = chain as [Uint8Array, Uint8Array, Uint8Array];
  await refusedWith('chain_order', { chain: [leaf, root, intermediate], signer });
  await refusedWith('chain_order', { chain: [leaf, root], signer });
  await refusedWith('chain_root', { chain: [leaf, intermediate], signer });
  await refusedWith('leaf_is_ca', { chain: [root, intermediate, leaf], signer });
});

test('D55 start refused: links of two chains with the same names', async () => {
  const one = await makeChain();
  const other = await makeChain();
  const mixed = [one.chain[0], other.chain[1], other.chain[2]] as Uint8Array[];
  await refusedWith('chain_order', { chain: mixed, signer: one.signer });
});

test('D55 start refused: key of another leaf', async () => {
  const { chain } = await makeChain();
  await refusedWith('key_mismatch', { chain, signer: (await makeChain()).signer });
});

test('D55 start refused: bytes that are no certificate, also with bytes after a good one', async () => {
  const { chain, signer } = await makeChain();
  const [leaf, intermediate, root] = chain as [Uint8Array, Uint8Array, Uint8Array];
  await refusedWith('chain_unreadable', { chain: [Buffer.from('-----BEGIN'), intermediate, root], signer });
  await refusedWith('chain_unreadable', { chain: [Buffer.concat([leaf, Buffer.of(0)]), intermediate, root], signer });
});

test('D55 there is no default key: an unreadable one stops the start before the authority is reached', () => {
  assert.throws(() => signerFromPem('not a key'), /PEM/);
  assert.throws(() => signerFromPem(vectorKey('tsa-chain.pem')));
});

test('a good chain starts with every usable key, and without the intermediate rule where it is turned off', async () => {
  for (const leafAlgorithm of ['P-256', 'P-384', 'P-521', 'RSA'] as const)
    await composeTsa(testOptions(await makeChain({ leafAlgorithm })));
  const lax = await makeChain({ intermediateEku: 'none' });
  await composeTsa(testOptions({ ...lax, enforceIntermediateEku: false }));
  await composeTsa(testOptions({ chain: recordedChain() }));
});

test('policies that cannot be stop the start', async () => {
  await refusedWith('policy_invalid', { defaultPolicy: 'abc' });
  await refusedWith('policy_invalid', { defaultPolicy: '1' });
  await refusedWith('policy_invalid', { defaultPolicy: `1.2${'.3'.repeat(127)}` });
  await refusedWith('policy_invalid', { acceptedPolicies: ['1.3.6.1.4.1.57264.2', '1.2.03'] });
  await refusedWith('policy_default_refused', { defaultPolicy: '1.2.3', acceptedPolicies: ['1.2.4'] });
});
