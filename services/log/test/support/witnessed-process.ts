/** A process of its own that serves a witnessed log; prints its port, and goes on until it is ended. */
import { parseWitnessPolicy } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { serveAlone } from './serve-alone.ts';

const [connectionString = '', settings = ''] = process.argv.slice(2);
const { pem, policy, ...pace } = JSON.parse(settings) as { pem: string; policy: string; mode: 'fail-closed' };
await serveAlone(connectionString, {
  name: 'v2',
  origin: 'log.example.com',
  kind: 'rekor-v2',
  signer: signerFromPem(pem),
  create: true,
  witness: { policy: parseWitnessPolicy(policy), ...pace },
});
