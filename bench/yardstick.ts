import { generateKeyPairSync, sign, verify } from 'node:crypto';

/** Operations a second on one core of this machine, now. All other figures are read beside them: machines and minutes differ. */
export interface Yardstick {
  signsPerSecond: number;
  verifiesPerSecond: number;
}

/** ECDSA P-256 over SHA-256, synchronous, key object made once. */
export function yardstick(seconds = 1): Yardstick {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = Buffer.alloc(1500, 7);
  const signature = sign('sha256', message, privateKey);
  return {
    signsPerSecond: rate(seconds, () => sign('sha256', message, privateKey)),
    verifiesPerSecond: rate(seconds, () => verify('sha256', message, publicKey, signature)),
  };
}

/** Calls a second of `run`, after a short warm-up. */
export function rate(seconds: number, run: () => unknown): number {
  for (const endMs = performance.now() + 100; performance.now() < endMs; ) run();
  let calls = 0;
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  while (performance.now() < endMs) {
    for (let i = 0; i < 20; i++) run();
    calls += 20;
  }
  return (calls * 1000) / (performance.now() - startMs);
}
