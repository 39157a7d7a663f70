import { generateKeyPairSync, sign } from 'node:crypto';
import { certifiedKeys, longWorkflowClaims } from '../log/certificates.ts';
import { Entries } from '../log/entries.ts';
import type { Instance } from '@sigstead/test/instance';
import { formatCases, issuerKey, type Samples } from './format-cases.ts';
import { measureAll, type MicroResult } from './measure.ts';
import { treeCases } from './tree-cases.ts';

/** Measures all cases on things that the instance gave out. */
export async function microResults(instance: Instance): Promise<MicroResult[]> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = Buffer.alloc(1500, 7);
  const cases = [...treeCases(), ...formatCases(await samples(instance))];
  return measureAll(cases, () => sign('sha256', message, privateKey));
}

async function samples(instance: Instance): Promise<Samples> {
  const keys = await certifiedKeys(instance.url, 1);
  const entries = new Entries({ count: 1, keys, target: { host: '127.0.0.1', port: 80 } });
  const whole = entries.request(0);
  const token = await instance.token({ issuer: 'ci', claims: longWorkflowClaims() });
  return {
    certificate: keys[0]?.certificate ?? new Uint8Array(0),
    request: whole.subarray(whole.indexOf('\r\n\r\n') + 4),
    entry: entries.canonicalBody(0),
    token,
    tokenKey: await issuerKey(token),
  };
}

/** Lines for people. */
export function microLines(results: readonly MicroResult[]): string[] {
  const line = ({ name, perSecond, signs }: MicroResult): string =>
    [name.padEnd(48), perSecond.toFixed(0).padStart(10), `${signs.toFixed(signs < 1 ? 3 : 1)}x`.padStart(12)].join(' ');
  return [`${'one core'.padEnd(48)} ${'per second'.padStart(10)} ${'of a sign'.padStart(12)}`, ...results.map(line)];
}
