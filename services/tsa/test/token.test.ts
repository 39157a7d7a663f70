import assert from 'node:assert/strict';
import { createHash, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkChain } from '../src/core/chain.ts';
import { Outage } from '../src/core/errors.ts';
import { judge, type AcceptedRequest, type ParsedRequest } from '../src/core/request.ts';
import { integerOctets } from '../src/core/request-json.ts';
import { createSelfCheck } from '../src/core/self-check.ts';
import { newSerial } from '../src/core/serial.ts';
import { signatureScheme } from '../src/core/signature-schemes.ts';
import { finishToken, prepareToken, type TokenFacts } from '../src/core/token.ts';
import { makeChain } from './make-chain.ts';
import { derRequest, DIGEST, post, recordedChain, recordedSigner, runTsa, TEST_NOW_MS } from './support.ts';
import { genTimeText, inside, oidText, serialHex, tlvs, tokenParts } from './token-decoder.ts';

const POLICY = { defaultPolicy: '1.2.3', acceptedPolicies: ['1.2.3', '2.999.1'], allowCustomExtensions: true };
const signer = recordedSigner();
const scheme = signatureScheme(signer.algorithm);
const chain = checkChain({ chain: recordedChain(), signerSpki: signer.spki, nowMs: TEST_NOW_MS });
const selfCheck = createSelfCheck(chain, scheme);

const accepted = (parts: Partial<ParsedRequest> = {}): AcceptedRequest =>
  judge(
    { hash: 'sha256', digest: DIGEST, policy: undefined, nonce: undefined, certReq: false, extensions: [], ...parts },
    POLICY,
  );
const factsOf = (request: AcceptedRequest, genTimeMs = TEST_NOW_MS - 500): TokenFacts => ({
  request,
  serial: newSerial((count) => Buffer.alloc(count, 0xff)),
  genTimeMs,
});

function build(facts: TokenFacts): Buffer {
  const unsigned = prepareToken(facts, chain, scheme);
  const signature = signer.sign(unsigned.signedAttributes) as Uint8Array;
  return Buffer.from(finishToken({ unsigned, signature, chain, scheme, certificates: [] }));
}

test('D53 property: what an accepted request says stands in the token, and the signature covers it', () => {
  const requests = fc.record({
    hash: fc.constantFrom('sha256', 'sha384', 'sha512'),
    seed: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    nonce: fc.option(fc.bigInt({ min: -(2n ** 160n), max: 2n ** 160n }), { nil: undefined }),
    policy: fc.constantFrom(undefined, '1.2.3', '2.999.1'),
    extensions: fc.array(
      fc.record({
        oid: fc.constant(Buffer.from([0x2a, 3])),
        critical: fc.boolean(),
        value: fc.uint8Array({ maxLength: 40 }),
      }),
      { maxLength: 3 },
    ),
    timeSec: fc.integer({ min: 0, max: 253_402_300_799 }),
  });
  fc.assert(
    fc.property(requests, ({ hash, seed, nonce, timeSec, ...rest }) => {
      const digest = createHash(hash).update(seed).digest();
      const request = accepted({
        hash,
        digest,
        nonce: nonce === undefined ? undefined : integerOctets(nonce),
        ...rest,
      });
      const response = build(factsOf(request, timeSec * 1000));
      selfCheck(response, factsOf(request, timeSec * 1000));
      const { fields, signerInfo, tstInfo } = tokenParts(response);
      assert.equal(oidText(fields[1]?.content ?? Buffer.alloc(0)), rest.policy ?? '1.2.3');
      assert.deepEqual(inside(fields[2])[1]?.content, digest);
      assert.deepEqual(
        fields.find((field, at) => field.tag === 2 && at > 4)?.content,
        request.nonce && Buffer.from(request.nonce),
      );
      assert.equal(fields.filter((field) => field.tag === 0xa1).length, rest.extensions.length > 0 ? 1 : 0);
      const attributes = Buffer.from(signerInfo[3]?.raw ?? []);
      attributes[0] = 0x31;
      assert.ok(verify('sha256', attributes, signer.publicKey, signerInfo[5]?.content ?? Buffer.alloc(0)));
      assert.deepEqual(
        inside(inside(inside(signerInfo[3])[2])[1])[0]?.content,
        createHash('sha256').update(tstInfo.raw).digest(),
      );
    }),
    { numRuns: 150 },
  );
});

test('D53 signed attributes are in DER order of a SET OF, also with signingTime from 2050 on', () => {
  for (const genTimeMs of [TEST_NOW_MS - 500, Date.UTC(2050, 0, 1)]) {
    const { signerInfo } = tokenParts(build(factsOf(accepted(), genTimeMs)));
    const raw = inside(signerInfo[3]).map((attribute) => attribute.raw);
    assert.deepEqual(
      raw,
      raw.toSorted((a, b) => Buffer.compare(a, b)),
    );
    const signingTime = inside(inside(inside(signerInfo[3])[1])[1])[0];
    assert.equal(signingTime?.tag, genTimeMs < Date.UTC(2050, 0, 1) ? 0x17 : 0x18);
  }
});

test('D53 ESSCertIDv2 is the hash of the leaf, with issuer and serial; RSA has NULL parameters', async () => {
  const made = await makeChain({ leafAlgorithm: 'RSA' });
  await using tsa = await runTsa(made);
  const { signerInfo } = tokenParts((await post(tsa, derRequest())).body);
  const essCertId = inside(inside(inside(inside(inside(inside(signerInfo[3])[3])[1])[0])[0])[0]);
  assert.deepEqual(
    essCertId[0]?.content,
    createHash('sha256')
      .update(made.chain[0] ?? Buffer.alloc(0))
      .digest(),
  );
  assert.equal(signerInfo[4]?.raw.toString('hex'), '300d06092a864886f70d01010b0500');
});

test('D53 serials: 20 octets, positive, minimal for any random source, and 400 tokens have distinct ones', async () => {
  for (const fill of [0x00, 0x7f, 0x80, 0xff]) {
    const serial = newSerial((count) => Buffer.alloc(count, fill));
    assert.equal(serial.length, 20);
    assert.ok((serial[0] ?? 0) >= 0x40 && (serial[0] ?? 0) < 0x80);
  }
  assert.throws(() => newSerial(() => Buffer.alloc(4)));
  await using tsa = await runTsa();
  const serials = new Set<string>();
  for (let round = 0; round < 8; round++) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(tsa, derRequest())));
    for (const { body } of answers) serials.add(serialHex(body));
  }
  assert.equal(serials.size, 400);
});

test('genTime has whole seconds and no fraction', async () => {
  await using tsa = await runTsa();
  assert.equal(genTimeText((await post(tsa, derRequest())).body), '20270101000000Z');
});

test('self-check: no changed byte, no other request and no other time gets past it', () => {
  const facts = factsOf(accepted({ nonce: Buffer.from([7]) }));
  const good = build(facts);
  selfCheck(good, facts);
  const caught = (response: Uint8Array, meant: TokenFacts): void => {
    assert.throws(
      () => selfCheck(response, meant),
      (error) => error instanceof Outage && error.code === 'self_check_failed',
    );
  };
  const { tstInfo, signerInfo } = tokenParts(good);
  const covered = [tstInfo.raw, signerInfo[3]?.content ?? Buffer.alloc(0), signerInfo[5]?.content ?? Buffer.alloc(0)];
  for (const part of covered) {
    const from = part.byteOffset - good.byteOffset;
    for (let at = from; at < from + part.length; at++) {
      const changed = Buffer.from(good);
      changed[at] = changed.readUInt8(at) ^ 1;
      caught(changed, facts);
    }
  }
  caught(good, factsOf(accepted({ nonce: Buffer.from([8]) })));
  caught(good, factsOf(accepted()));
  caught(good, factsOf(accepted({ nonce: Buffer.from([7]), policy: '2.999.1' })));
  caught(good, { ...facts, request: { ...facts.request, hash: 'sha384' } });
  caught(good, factsOf(accepted({ nonce: Buffer.from([7]), digest: Buffer.alloc(32) })));
  caught(good, { ...facts, genTimeMs: facts.genTimeMs + 1000 });
  caught(good, { ...facts, serial: Buffer.alloc(20, 0x41) });
  caught(good.subarray(0, -1), facts);
  caught(Buffer.concat([good, Buffer.of(0)]), facts);
});

test('the answer is one DER element and nothing else', () => {
  const response = build(factsOf(accepted()));
  assert.equal(tlvs(response).length, 1);
});
