/** Why an RSA modulus is known to be breakable. */
export type RsaWeakness = 'small_factor' | 'roca' | 'close_factors';

const SMALL_PRIME_LIMIT = 751;
const ROCA_PRIME_LIMIT = 167;
const ROCA_GENERATOR = 65537;
const FERMAT_ROUNDS = 100;

function primesUpTo(limit: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate <= limit; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

const SMALL_PRIMES = primesUpTo(SMALL_PRIME_LIMIT);
const SMALL_PRIMES_PRODUCT = SMALL_PRIMES.reduce((product, prime) => product * BigInt(prime), 1n);

/** For each odd prime, the residues that powers of 65537 can have: moduli of the flawed generator have no other. */
const ROCA_RESIDUES = primesUpTo(ROCA_PRIME_LIMIT)
  .slice(1)
  .map((prime) => {
    const residues = new Set<number>();
    for (let value = 1; !residues.has(value); value = (value * ROCA_GENERATOR) % prime) residues.add(value);
    return { prime: BigInt(prime), residues };
  });

function hasSmallFactor(modulus: bigint): boolean {
  const rest = modulus % SMALL_PRIMES_PRODUCT;
  return SMALL_PRIMES.some((prime) => rest % BigInt(prime) === 0n);
}

/** The fingerprint of CVE-2017-15361: Nemec et al., "The Return of Coppersmith's Attack", §3. */
function hasRocaFingerprint(modulus: bigint): boolean {
  return ROCA_RESIDUES.every(({ prime, residues }) => residues.has(Number(modulus % prime)));
}

/** Integer square root, rounded down. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let guess = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (guess + value / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

const SQUARES_MOD_64 = new Set(Array.from({ length: 64 }, (_, each) => (each * each) % 64));

function isSquare(value: bigint): boolean {
  if (!SQUARES_MOD_64.has(Number(value & 63n))) return false;
  const root = squareRoot(value);
  return root * root === value;
}

/** Fermat's method: finds p and q of n = ((p+q)/2)² − ((p−q)/2)² when they lie close together. */
function hasCloseFactors(modulus: bigint): boolean {
  let half = squareRoot(modulus);
  if (half * half < modulus) half += 1n;
  for (let round = 0; round < FERMAT_ROUNDS; round++) {
    if (isSquare(half * half - modulus)) return true;
    half += 1n;
  }
  return false;
}

/**
 * The known weakness of an RSA modulus of at most 8192 bits, or undefined: a prime factor up to 751, the ROCA
 * fingerprint, factors that 100 rounds of Fermat's method find. Size and exponent are the caller's rules.
 */
export function rsaWeakness(modulus: bigint): RsaWeakness | undefined {
  if (modulus <= 1n || hasSmallFactor(modulus)) return 'small_factor';
  if (hasRocaFingerprint(modulus)) return 'roca';
  return hasCloseFactors(modulus) ? 'close_factors' : undefined;
}

export function isWeakRsaModulus(modulus: bigint): boolean {
  return rsaWeakness(modulus) !== undefined;
}
