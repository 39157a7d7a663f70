import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { formatVerifierKey, publicKeyFromSpki, verifierKey } from '@sigstead/formats';
import { createPublicKey } from 'node:crypto';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { ORIGIN, startLog } from './exported-log.ts';
import { type Ended, run, runOk } from './process.ts';
import { flip, type Tampering, tamperingProxy } from './tampering-proxy.ts';
import { goRekorTiles, goTessera } from './tools.ts';

const { skip } = needs(goRekorTiles, goTessera);

/** A full bundle and a part of one, then a part of a third. */
const SIZES = [300, 600] as const;
const ADDED = 3;

if (skip !== false) describe('Go readers of our tiles', { skip }, () => test('read and verify'));
else await suite();

async function suite(): Promise<void> {
  const folder = await temporaryFolder();
  const log = await startLog({}, 1);
  after(() => log.close());
  const key = join(folder, 'log.pem');
  await writeFile(key, log.publicKey);
  const spki = createPublicKey(log.publicKey).export({ type: 'spki', format: 'der' });
  const vkey = formatVerifierKey(verifierKey(ORIGIN, 'ecdsa', publicKeyFromSpki(spki)));
  const state = join(folder, 'state');
  await log.grow(SIZES[0]);

  const tessera = (url: string, as = vkey): Promise<Ended> => run(programOf(goTessera), [url, as, state]);
  const rekorTiles = (url: string, origin = ORIGIN): Promise<Ended> =>
    run(programOf(goRekorTiles), [url, origin, key, String(ADDED)]);

  describe('Tessera’s client library', () => {
    test('derives the root from all entries, and proves each of them from tiles', async () => {
      const { stdout } = await runOk(programOf(goTessera), [log.url, vkey, state]);
      const all = { size: SIZES[0], entries: SIZES[0], proven: SIZES[0] };
      assert.deepEqual(JSON.parse(stdout), { before: 0, ...all, consistencyProof: 0 });
    });

    test('proves after growth that the log it knew is a part of the new one', async () => {
      await log.grow(SIZES[1]);
      const { before, size, proven, consistencyProof } = JSON.parse((await tessera(log.url)).stdout) as Record<
        string,
        number
      >;
      assert.deepEqual([before, size, proven], [...SIZES, SIZES[1]]);
      assert.ok((consistencyProof ?? 0) > 0);
    });

    test('refuses a key of another name', async () => {
      const other = formatVerifierKey(verifierKey('other.example', 'ecdsa', publicKeyFromSpki(spki)));
      assert.equal((await tessera(log.url, other)).code, 1);
    });

    const TAMPERINGS: (Tampering & { what: string })[] = [
      { what: 'a checkpoint', path: /^\/checkpoint/, change: flip(20) },
      { what: 'an entry of a full bundle', path: /^\/tile\/entries\/000$/, change: flip(40) },
      { what: 'an entry of a partial bundle', path: /^\/tile\/entries\/002/, change: flip(-1) },
      { what: 'a hash of a full tile', path: /^\/tile\/0\/001/, change: flip(100) },
      { what: 'a hash of the upper tile', path: /^\/tile\/1\//, change: flip(0) },
      { what: 'a bundle cut short', path: /^\/tile\/entries\/000$/, change: (bytes) => bytes.subarray(0, -1) },
    ];
    for (const { what, ...tampering } of TAMPERINGS) {
      test(`does not believe ${what} that was changed on the way`, async (t) => {
        const proxy = await tamperingProxy(log.url, tampering);
        t.after(() => proxy.close());
        await rm(state, { force: true });
        assert.equal((await tessera(proxy.url)).code, 1);
      });
    }
  });

  describe('rekor-tiles’ read and write clients', () => {
    test('add entries, verify the answers, find the entries in bundles and tiles, and the log only grown', async () => {
      const ended = await rekorTiles(log.url);
      assert.equal(ended.code, 0, ended.stderr);
      const {
        before,
        after: size,
        indexes,
        signers,
      } = JSON.parse(ended.stdout) as {
        before: number;
        after: number;
        indexes: number[];
        signers: string[];
      };
      assert.deepEqual([before, size], [SIZES[1], SIZES[1] + ADDED]);
      assert.deepEqual(indexes, [SIZES[1], SIZES[1] + 1, SIZES[1] + 2]);
      assert.deepEqual(signers, [ORIGIN]);
    });

    test('read below /api/v2 too, where the specification has the tiles', async () => {
      const ended = await run(programOf(goTessera), [`${log.url}/api/v2`, vkey, join(folder, 'other-state')]);
      assert.equal(ended.code, 0, ended.stderr);
    });

    test('refuse another origin', async () => {
      const ended = await rekorTiles(log.url, 'other.example');
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, /fetching checkpoint/);
    });

    const TAMPERINGS: (Tampering & { what: string; complaint: RegExp })[] = [
      {
        what: 'the proof in an answer',
        path: /^\/api\/v2\/log\/entries/,
        change: (bytes) =>
          Buffer.from(
            bytes
              .toString('utf8')
              .replace(/"hashes":\["(.)/, (_all, first: string) => `"hashes":["${first === 'A' ? 'B' : 'A'}`),
          ),
        complaint: /verifying the answer/,
      },
      { what: 'an entry in a bundle', path: /^\/tile\/entries\//, change: flip(-1), complaint: /another entry/ },
      { what: 'a hash in a tile', path: /^\/tile\/0\/002/, change: flip(-1), complaint: /another hash|consistency/ },
    ];
    for (const { what, complaint, ...tampering } of TAMPERINGS) {
      test(`do not believe ${what} that was changed on the way`, async (t) => {
        const proxy = await tamperingProxy(log.url, tampering);
        t.after(() => proxy.close());
        const ended = await rekorTiles(proxy.url);
        assert.equal(ended.code, 1);
        assert.match(ended.stderr, complaint);
      });
    }
  });
}
