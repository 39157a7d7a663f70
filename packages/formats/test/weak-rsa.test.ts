import assert from 'node:assert/strict';
import { checkPrimeSync, createPublicKey, generatePrimeSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isWeakRsaModulus, publicKeyFromSpki, rsaWeakness } from '../src/index.ts';

function modulusOf(name: string): bigint {
  const pem = readFileSync(new URL(`../../../test/vectors/recorded/keys/${name}.pem`, import.meta.url));
  return publicKeyFromSpki(createPublicKey(pem).export({ format: 'der', type: 'spki' })).rsa?.modulus ?? assert.fail();
}

function prime(bits: number): bigint {
  return generatePrimeSync(bits, { bigint: true });
}

const ODD_PRIMES_TO_167 = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

test('sound keys of every permitted size are not weak', () => {
  for (const name of ['c-rsa2048', 'c-rsa3072', 'c-rsa4096', 'c-rsa2048e3', 'oidc-rsa']) {
    assert.equal(rsaWeakness(modulusOf(name)), undefined, name);
  }
});

test('a factor up to 751 is found, the next prime is not looked for', () => {
  const large = prime(1024);
  for (const factor of [2n, 3n, 5n, 397n, 743n, 751n]) assert.equal(rsaWeakness(large * factor), 'small_factor');
  assert.notEqual(rsaWeakness(large * 757n), 'small_factor');
  for (const none of [0n, 1n, -5n]) assert.equal(isWeakRsaModulus(none), true);
});

test('moduli that are a power of 65537 modulo every small prime are recognised', () => {
  const primorial = ODD_PRIMES_TO_167.reduce((product, each) => product * BigInt(each), 1n);
  for (const exponent of [1n, 12345n, 987654321987654321n]) {
    let modulus = power(65537n, exponent, primorial) + primorial * (prime(1700) << 1n);
    while (rsaWeakness(modulus) === 'small_factor') modulus += primorial;
    assert.equal(rsaWeakness(modulus), 'roca');
  }
});

test('one residue outside the powers of 65537 is no ROCA fingerprint', () => {
  const primorial = ODD_PRIMES_TO_167.reduce((product, each) => product * BigInt(each), 1n);
  let modulus = power(65537n, 5n, primorial) + primorial * (prime(1700) << 1n);
  // 65537 ≡ 10 (mod 11) has only the powers 1 and 10; a multiple of all other primes moves the residue modulo 11 alone.
  const step = primorial / 11n;
  while ([0n, 1n, 10n].includes(modulus % 11n)) modulus += step;
  while (rsaWeakness(modulus) === 'small_factor') modulus += primorial;
  assert.equal(rsaWeakness(modulus), undefined);
});

test('factors lying close together are found, far ones are not', () => {
  const one = prime(512);
  let two = one + 2n;
  while (!checkPrimeSync(two)) two += 2n;
  assert.equal(rsaWeakness(one * two), 'close_factors');
  assert.equal(rsaWeakness(one * one), 'close_factors');
  let other = prime(512);
  if (other === one) other = prime(512);
  assert.equal(rsaWeakness(one * other), undefined);
});

test('exactly one hundred rounds of the factor search are made', () => {
  // n = a² − b² is found in round a − ceil(√n), counted from 0; b ≈ √(2·a·round) places it where wanted.
  const half = (prime(512) << 600n) + 1n;
  const roundOf = (difference: bigint): string | undefined => rsaWeakness(half * half - difference * difference);
  const near = squareRootOf(2n * half * 50n);
  const far = squareRootOf(2n * half * 150n);
  const odd = (value: bigint): bigint => (value % 2n === 0n ? value : value + 1n);
  const avoid = (start: bigint): bigint => {
    let value = odd(start);
    while (roundOf(value) === 'small_factor') value -= 2n;
    return value;
  };
  assert.equal(roundOf(avoid(near)), 'close_factors');
  assert.equal(roundOf(avoid(far)), undefined);
});

function squareRootOf(value: bigint): bigint {
  let guess = 1n << BigInt(value.toString(2).length);
  for (;;) {
    const next = (guess + value / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}
