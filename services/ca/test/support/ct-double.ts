import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CtClient, CtRefusedError, type Sct } from '@sigstead/ca';
import {
  addChainResponse,
  ctDigitallySigned,
  encodeLeafIndexExtension,
  findExtension,
  isIssuedBy,
  Oid,
  parseAddChainRequest,
  parseCertificate,
  sctSignatureInput,
  tbsWithoutExtension,
} from '@sigstead/formats';
import { closeServer } from './local-server.ts';
import { keyPem } from './recorded.ts';

/** An honest log without a tree: judges what it is given, keeps it, and signs real SCTs. */
export interface CtDouble extends CtClient {
  readonly publicKeySpki: Uint8Array;
  /** Precertificates taken, DER. */
  readonly entries: Uint8Array[];
}

export function ctDouble(options: { nowMs: () => number; key?: KeyObject }): CtDouble {
  const privateKey = options.key ?? createPrivateKey(keyPem('ct'));
  const publicKeySpki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const logId = createHash('sha256').update(publicKeySpki).digest();
  const entries: Uint8Array[] = [];
  return {
    publicKeySpki,
    entries,
    addPreChain(chain) {
      const [precertificate, issuer] = chain.map((der) => parseCertificate(der));
      if (precertificate === undefined || issuer === undefined || !isIssuedBy(precertificate, issuer)) {
        return Promise.reject(new CtRefusedError('chain does not verify'));
      }
      if (findExtension(precertificate, Oid.ctPoison)?.critical !== true) {
        return Promise.reject(new CtRefusedError('no poison'));
      }
      const extensions = encodeLeafIndexExtension(entries.length);
      entries.push(precertificate.der);
      const timestampMs = options.nowMs();
      const issuerKeyHash = createHash('sha256').update(issuer.spki).digest();
      const tbs = tbsWithoutExtension(precertificate, Oid.ctPoison);
      const input = sctSignatureInput({ timestampMs, entry: { type: 'precert', issuerKeyHash, tbs }, extensions });
      const signature = ctDigitallySigned('ecdsa-p256', sign('sha256', input, privateKey));
      return Promise.resolve<Sct>({ logId, timestampMs, extensions, signature });
    },
  };
}

/** The same behind RFC 6962's HTTP interface; `refuseWith` answers every submission with that status. */
export async function ctHttpServer(
  log: CtClient,
  refuseWith?: number,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (refuseWith !== undefined) return void response.writeHead(refuseWith).end('refused');
      log.addPreChain(parseAddChainRequest(Buffer.concat(parts))).then(
        (sct) => response.setHeader('content-type', 'application/json').end(JSON.stringify(addChainResponse(sct))),
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/log`, close: () => closeServer(server) };
}
