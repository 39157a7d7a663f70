import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ParsedCertificate } from '@sigstead/formats';
import type { ReadyReport } from '../src/dev/ready-file.ts';
import { checkCertificate, requestCertificate } from '../src/self-test/certificate.ts';
import { type Json, sha256 } from '../src/self-test/check.ts';
import { checkEntry, type EntryRequest, logEntry } from '../src/self-test/entry.ts';
import { fetchTrust } from '../src/self-test/trust.ts';
import { LAUNCHER, run } from './running.ts';

export const EMAIL = 'you@example.com';

/** Something signed as a client signs it. */
export interface Signed {
  readonly certificate: ParsedCertificate;
  readonly wish: EntryRequest;
  readonly entry: Json;
}

export async function signSomething({ url }: ReadyReport, env: Record<string, string>): Promise<Signed> {
  const token = (await run(LAUNCHER, ['token', '--email', EMAIL, '--url', url], env).ended).output.trim();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const certificate = await requestCertificate({ caUrl: url, token, email: EMAIL, privateKey, publicKeyPem });
  const artifact = Buffer.from(`artifact ${Math.random()}`);
  const signature = sign('sha256', artifact, privateKey);
  const wish = { logUrl: url, digest: sha256(artifact), signature, certificate: certificate.der };
  return { certificate, wish, entry: await logEntry(wish) };
}

export async function trustOf(report: ReadyReport) {
  return (await fetchTrust(report.tufUrl, await readFile(report.tufRoot))).trust;
}

export async function assertVerifies(signed: Signed, report: ReadyReport): Promise<void> {
  const trust = await trustOf(report);
  checkCertificate(signed.certificate, trust, EMAIL);
  checkEntry(signed.entry, signed.wish, trust);
}
