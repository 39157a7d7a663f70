/** A process that serves the CT log `ct1` of a database, beside others; prints its port. Arguments: connection string, key, root. */
import { signerFromPem } from '@sigstead/keys';
import { serveAlone } from './serve-alone.ts';

const [connectionString = '', key = '', root = ''] = process.argv.slice(2);
await serveAlone(connectionString, {
  name: 'ct1',
  origin: 'ct.example.com/1',
  kind: 'ct',
  signer: signerFromPem(Buffer.from(key, 'base64').toString()),
  acceptedRoots: [Buffer.from(root, 'base64')],
  leafIndex: true,
  create: true,
});
