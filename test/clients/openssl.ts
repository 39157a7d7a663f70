import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePem } from '@sigstead/formats';
import { runOk } from './process.ts';

/** openssl over files in a folder. Every call rejects with openssl's words when it does not agree. */
export interface Openssl {
  /** `verify -x509_strict` of the first certificate up to the last, which is the only one trusted. */
  verifyChain(chain: readonly Buffer[], purpose: 'any' | 'timestampsign' | 'crlsign'): Promise<void>;
  /** A timestamp request with a nonce over data. DER. SPEC: RFC 3161 §2.4.1. */
  timestampQuery(data: Buffer): Promise<Buffer>;
  /** `ts -verify` of a response against its request, nonce included, or against the data; the chain's root is trusted. */
  verifyTimestamp(
    response: Buffer,
    over: { query: Buffer } | { data: Buffer },
    chain: readonly Buffer[],
  ): Promise<void>;
}

export function opensslIn(base: string): Openssl {
  const withFiles = async (contents: Readonly<Record<string, Buffer | string>>): Promise<string> => {
    const folder = await mkdtemp(join(base, 'openssl-'));
    for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), content);
    return folder;
  };
  return {
    async verifyChain(chain, purpose) {
      const [leaf, ...issuers] = chain;
      const cwd = await withFiles({ 'leaf.pem': pem([leaf as Buffer]), ...trustFiles(issuers) });
      const trust = ['-CAfile', 'root.pem', '-untrusted', 'untrusted.pem'];
      await runOk('openssl', ['verify', '-x509_strict', '-purpose', purpose, ...trust, 'leaf.pem'], { cwd });
    },
    async timestampQuery(data) {
      const cwd = await withFiles({ data });
      await runOk('openssl', ['ts', '-query', '-data', 'data', '-sha256', '-cert', '-out', 'query'], { cwd });
      return readFile(join(cwd, 'query'));
    },
    async verifyTimestamp(response, over, chain) {
      const against = 'query' in over ? over.query : over.data;
      const cwd = await withFiles({ response, against, ...trustFiles(chain) });
      const trust = ['-CAfile', 'root.pem', '-untrusted', 'untrusted.pem'];
      const option = 'query' in over ? '-queryfile' : '-data';
      await runOk('openssl', ['ts', '-verify', '-in', 'response', option, 'against', ...trust], { cwd });
    },
  };
}

/** openssl refuses an empty `-untrusted` file, so the root stands in both; only `-CAfile` makes it trusted. */
function trustFiles(chain: readonly Buffer[]): Record<string, string> {
  return { 'root.pem': pem(chain.slice(-1)), 'untrusted.pem': pem(chain) };
}

function pem(certificates: readonly Buffer[]): string {
  return certificates.map((der) => encodePem('CERTIFICATE', der)).join('');
}
