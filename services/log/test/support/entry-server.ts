/** A process of its own that serves one Rekor v2 log, and prints its port. */
import { signerFromPem } from '@sigstead/keys';
import type { Duplicates } from '../../src/index.ts';
import { serveAlone } from './serve-alone.ts';

const [connectionString = '', key = '', origin = '', duplicates = ''] = process.argv.slice(2);
const { server, handle } = await serveAlone(connectionString, {
  name: 'v2',
  kind: 'rekor-v2',
  origin,
  signer: signerFromPem(Buffer.from(key, 'base64').toString()),
  duplicates: duplicates as Duplicates,
});
process.once('SIGTERM', () => void server.close().then(() => handle.close()));
