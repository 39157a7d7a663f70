import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { encodeWire } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createGrpcServer, createMetrics, silentLogger } from '@sigstead/platform';
import { GrpcClient } from '@sigstead/test';
import { type FuzzTarget, hostileInput } from '@sigstead/test/fuzz';
import { TILE_REQUEST } from '../src/grpc/messages.ts';
import { targets } from './fuzz/create-entry.fuzz.ts';
import { startServer } from './support/server.ts';

const SEED = Number(process.env['SIGSTEAD_FUZZ_SEED'] ?? randomInt(2 ** 32));
const IN_FLIGHT = 24;
const REKOR = '/dev.sigstore.rekor.v2.Rekor';
/** OK, INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, UNIMPLEMENTED: never UNKNOWN or UNAVAILABLE. */
const LAWFUL = [0, 3, 5, 6, 12];
/** INTERNAL is what grpc-go says of a message that is none. */
const NO_MESSAGE = /^grpc: error unmarshalling request: (?:proto: |string field)/;

const tiles: FuzzTarget = {
  name: 'tile-request',
  kind: 'protobuf',
  seeds: [encodeWire(TILE_REQUEST, { L: 0, N: '000.p/1' }), encodeWire(TILE_REQUEST, { L: 63, N: 'x001/000' })],
  judge: () => 'accepted',
};

/** Which method gets inputs of which kind, and how many. */
const CAMPAIGNS: [method: string, target: FuzzTarget | undefined, inputs: number][] = [
  [`${REKOR}/CreateEntry`, targets.find(({ name }) => name === 'create-entry-protobuf'), 1500],
  [`${REKOR}/GetTile`, tiles, 300],
  [`${REKOR}/GetEntryBundle`, tiles, 300],
  [`${REKOR}/GetCheckpoint`, tiles, 100],
  ['/grpc.health.v1.Health/Check', tiles, 200],
];

test(`hostile messages over gRPC: a status of a closed list for each, and the log goes on (seed ${SEED})`, async (t) => {
  const signer = signerFromPem(generatePrivateKeyPem('ed25519'));
  const http = await startServer({
    logs: [{ name: 'v2', kind: 'rekor-v2', origin: 'log.example', signer, create: true }],
  });
  t.after(() => http.close());
  const { files, health } = http.handle.grpc('v2');
  const grpc = createGrpcServer({ logger: silentLogger, metrics: createMetrics(), files, health: [health] });
  t.after(() => grpc.close({ deadlineMs: 0 }));
  const client = new GrpcClient((await grpc.listen({ host: '127.0.0.1', port: 0 })).port);
  t.after(() => client.destroy());
  const statuses = new Map<number, number>();
  for (const [method, target, inputs] of CAMPAIGNS) {
    assert.ok(target !== undefined);
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < inputs; i = next++) {
        const message = hostileInput(target, target.seeds, SEED, i);
        const { code, text } = await client.call(method, message);
        const number = code ?? -1;
        statuses.set(number, (statuses.get(number) ?? 0) + 1);
        const isLawful = LAWFUL.includes(number) || (number === 13 && NO_MESSAGE.test(text));
        assert.ok(isLawful, `${method} #${i}: status ${number} ${text}\n${Buffer.from(message).toString('base64')}`);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  }
  t.diagnostic(`statuses: ${JSON.stringify(Object.fromEntries(statuses))}`);
  for (const status of [0, 3]) assert.ok((statuses.get(status) ?? 0) > 20, `hardly ever status ${status}`);
  assert.equal((await http.handle.ready()).ok, true);
});
