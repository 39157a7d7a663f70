/** Upstream's Rekor v2 server as a real log that asks `sigstead witness` for cosignatures. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  formatVerifierKey,
  parseNote,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  type VerifierKey,
  verifierKey,
  verifierOf,
  verifyNote,
} from '@sigstead/formats';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { originHash } from '@sigstead/witness';
import { freePort } from '../support/index.ts';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { entryBody, eventually } from './exported-log.ts';
import { startProgram } from './local-server.ts';
import { rekorTilesPosix } from './tools.ts';
import { WitnessProcess } from './witness-process.ts';

const ORIGIN = 'rekor.example';
/** The shortest that the server takes. */
const TUNING = ['--checkpoint-interval', '100ms', '--batch-max-age', '50ms'];

interface Log {
  readonly vkey: VerifierKey;
  add(index: number): Promise<void>;
  checkpoint(): Promise<string>;
}

/** A log of theirs with a new key that asks by this policy. */
async function startLog(
  folder: string,
  { key, policy }: { key: string; policy: (vkey: string) => Promise<string> },
): Promise<Log> {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const parsed = publicKeyFromSpki(spki);
  const vkey = verifierKey(ORIGIN, parsed.kind === 'ed25519' ? 'ed25519' : 'ecdsa', parsed);
  await mkdir(join(folder, 'tiles'), { recursive: true });
  await writeFile(join(folder, 'log.pem'), key, { mode: 0o600 });
  await writeFile(join(folder, 'policy'), await policy(formatVerifierKey(vkey)));
  const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const place = ['--storage-dir', join(folder, 'tiles'), '--signer-filepath', join(folder, 'log.pem')];
  const asks = ['--hostname', ORIGIN, '--witness-policy-path', join(folder, 'policy'), '--log-level', 'error'];
  const ports = ['--http-port', String(http), '--grpc-port', String(grpc), '--http-metrics-port', String(metrics)];
  const args = ['serve', ...place, ...asks, ...ports, ...TUNING];
  // It complains ten times a second as long as the log is empty.
  const program = await startProgram(programOf(rekorTilesPosix), args, http, 'ignore');
  // Asked to end it takes half a minute.
  after(() => program.end('SIGKILL'));
  const url = `http://127.0.0.1:${http}`;
  const bodyOf = entryBody();
  return {
    vkey,
    async add(index) {
      const response = await fetch(`${url}/api/v2/log/entries`, { method: 'POST', body: bodyOf(index) });
      assert.equal(response.status, 201, await response.text());
    },
    // Its read path is this folder, behind a server of somebody else.
    checkpoint: () => readFile(join(folder, 'tiles', 'checkpoint'), 'utf8'),
  };
}

async function makeWitness(name: string, logs: readonly string[]): Promise<WitnessProcess> {
  const witness = await WitnessProcess.make(join(await temporaryFolder(), 'witness'), { name, logs });
  after(() => witness.stop());
  await witness.start();
  return witness;
}

describe('rekor-tiles with --witness-policy-path', needs(rekorTilesPosix), () => {
  for (const algorithm of ['ed25519', 'ecdsa-p256-sha256'] as const) {
    test(`gets the cosignatures of sigstead witness (log key ${algorithm}), and they verify`, async () => {
      const witnesses: WitnessProcess[] = [];
      const policy = async (vkey: string): Promise<string> => {
        for (const name of ['witness.example/one', 'witness.example/two'])
          witnesses.push(await makeWitness(name, [vkey]));
        const lines = witnesses.map((each, i) => `witness w${i} ${each.vkey} ${each.url}\n`);
        return `${lines.join('')}group both all w0 w1\nquorum both\n`;
      };
      const log = await startLog(await temporaryFolder(), { key: generatePrivateKeyPem(algorithm), policy });
      for (let index = 0; index < 3; index++) await log.add(index);
      // It publishes without them as well, and says nothing: the lines must be there.
      const note = await eventually(
        () => log.checkpoint(),
        (text) => parseSignedCheckpoint(text).checkpoint.size === 3 && parseNote(text).signatures.length === 3,
      );
      const [first, ...others] = parseNote(note).signatures;
      assert.equal(first?.name, ORIGIN);
      assert.deepEqual(
        others.map(({ name }) => name).sort((a, b) => a.localeCompare(b)),
        ['witness.example/one', 'witness.example/two'],
      );
      for (const name of ['witness.example/one', 'witness.example/two'])
        assert.match(note, new RegExp(`^\u2014 ${name} `, 'm'));
      const verifiers = [verifierOf(log.vkey), ...witnesses.map(({ verifier }) => verifier)];
      assert.equal(verifyNote(note, verifiers).length, 3);
      for (const { url, verifier } of witnesses) {
        const shown = await (await fetch(`${url}/${originHash(ORIGIN)}/checkpoint`)).text();
        assert.equal(verifyNote(shown, [verifierOf(log.vkey), verifier]).length, 2);
        assert.equal(parseSignedCheckpoint(shown).checkpoint.size, 3);
      }
    });
  }

  test('gets none from a witness that knows the log by another key: that it is missing would show', async () => {
    const key = publicKeyFromSpki(
      createPublicKey(generatePrivateKeyPem('ed25519')).export({ type: 'spki', format: 'der' }),
    );
    const other = formatVerifierKey(verifierKey(ORIGIN, 'ed25519', key));
    const witness = await makeWitness('witness.example/other', [other]);
    const policy = async (): Promise<string> => `witness w ${witness.vkey} ${witness.url}\nquorum w\n`;
    const log = await startLog(await temporaryFolder(), { key: generatePrivateKeyPem('ed25519'), policy });
    await log.add(0);
    const note = await eventually(
      () => log.checkpoint(),
      (text) => parseSignedCheckpoint(text).checkpoint.size === 1,
    );
    await eventually(
      async () => witness.output,
      (output) => output.includes('"code":"not_signed"'),
    );
    assert.equal(parseNote(note).signatures.length, 1);
    assert.equal((await fetch(`${witness.url}/${originHash(ORIGIN)}/checkpoint`)).status, 404);
  });
});
