import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CaError } from '../src/core/errors.ts';
import { parseClientKey } from '../src/core/keys/client-key.ts';
import { keyFromCsr } from '../src/core/keys/csr.ts';
import { readToken } from '../src/oidc/token-form.ts';
import { requestLines } from './support/recorded.ts';
import { clientKey, spkiPem } from './support/requests.ts';
import { makeToken } from './support/tokens.ts';
import { mutated, mutation } from './support/mutations.ts';

const isCaError = (error: unknown): boolean => error instanceof CaError;

function onlyCaErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(isCaError(error), String((error as Error).stack));
  }
}

const DER_SEEDS = [
  'v2 csr c-rsa2048',
  'v2 csr UTF8 subject',
  'v2 csr CA basicConstraints requested',
  'v2 csr RSA-PSS',
  'v1 csr c-p521',
];

function csrPem(name: string): Buffer {
  const line = requestLines().find((each) => each.name === name);
  const body = (line?.request.bodyTemplate ?? line?.request.body ?? '').replace('{{TOKEN}}', '');
  const { certificateSigningRequest } = JSON.parse(body) as { certificateSigningRequest: string };
  return Buffer.from(certificateSigningRequest, 'base64');
}

test('CSRs with changed bytes are refused with a code of ours, or give a key', () => {
  const seedsDer = DER_SEEDS.map((name) =>
    Buffer.from(
      csrPem(name)
        .toString()
        .replaceAll(/-----[^-]+-----|\s/g, ''),
      'base64',
    ),
  );
  const pem = (der: Uint8Array): Buffer =>
    Buffer.from(
      `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
    );
  for (const der of seedsDer) onlyCaErrors(() => keyFromCsr(pem(der)));
  const edit = fc.record({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    byte: fc.integer({ min: 0, max: 255 }),
    insert: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.nat(seedsDer.length - 1), fc.array(edit, { minLength: 1, maxLength: 4 }), (seed, edits) => {
      let der = [...(seedsDer[seed] ?? [])];
      for (const { at: where, byte, insert } of edits)
        der = der.toSpliced(Math.floor(where * der.length), insert ? 0 : 1, byte);
      onlyCaErrors(() => keyFromCsr(pem(Uint8Array.from(der))));
    }),
    { numRuns: 4000 },
  );
});

test('keys with changed bytes, and any text as a key', () => {
  const seed = Buffer.from(spkiPem(clientKey('c-rsa2048')).replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  fc.assert(
    fc.property(fc.nat(seed.length - 1), fc.nat(255), (where, byte) => {
      const der = Buffer.from(seed);
      der[where] = byte;
      onlyCaErrors(() => parseClientKey(der));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => onlyCaErrors(() => parseClientKey(Buffer.from(text)))),
    { numRuns: 2000 },
  );
});

test('any text as a token', () => {
  const good = makeToken({ header: { alg: 'RS256' }, claims: { iss: 'x' } });
  onlyCaErrors(() => readToken(good));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (changes) => {
      const token = mutated(good, changes);
      onlyCaErrors(() => readToken(token));
    }),
    { numRuns: 3000 },
  );
});

test('DER bombs: depth, width, lengths', () => {
  const nest = (depth: number): Buffer => {
    let der = Buffer.alloc(0);
    for (let i = 0; i < depth; i += 1) {
      const length =
        der.length < 128
          ? [der.length]
          : der.length < 256
            ? [0x81, der.length]
            : [0x82, der.length >> 8, der.length & 255];
      der = Buffer.concat([Buffer.of(0x30, ...length), der]);
    }
    return der;
  };
  const bombs = [
    nest(2500),
    Buffer.concat([Buffer.of(0x30, 0x82, 0xea, 0x60), Buffer.alloc(60_000, 5)]),
    Buffer.from('3084ffffffff', 'hex'),
    Buffer.from('3080', 'hex'),
  ];
  for (const der of bombs) {
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    assert.throws(() => keyFromCsr(Buffer.from(pem)), isCaError);
    assert.throws(() => parseClientKey(der), isCaError);
  }
});
