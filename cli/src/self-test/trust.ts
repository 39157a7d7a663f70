import { verify } from 'node:crypto';
import { checkTrustedRoot, olpc, type VerificationModel } from '@sigstead/formats';
import { request } from '../http-client.ts';
import { asJson, asList, asText, demand, type Json, parseJson, sameBytes, sha256 } from './check.ts';

const PART = 'the TUF repository';

/** What a client knows after it has initialised itself from the instance's first root. */
export interface FetchedTrust {
  readonly trust: VerificationModel;
  readonly signingConfig: Json;
}

/**
 * Fetches the trust material as a client does, from the first root on. It is written apart from the publisher's own
 * checks: that both agree is the point. SPEC: TUF specification §5.3-5.7
 */
export async function fetchTrust(tufUrl: string, initialRoot: Uint8Array): Promise<FetchedTrust> {
  const nowMs = Date.now();
  const root = await walkRoots(tufUrl, initialRoot);
  const timestamp = openSigned(root, 'timestamp', await get(tufUrl, 'timestamp.json'), nowMs);
  const snapshotVersion = versionOf(timestamp, 'snapshot.json');
  const snapshot = openSigned(root, 'snapshot', await get(tufUrl, `${snapshotVersion}.snapshot.json`), nowMs);
  demand(snapshot['version'] === snapshotVersion, PART, 'the snapshot has another version');
  const targetsVersion = versionOf(snapshot, 'targets.json');
  const targets = openSigned(root, 'targets', await get(tufUrl, `${targetsVersion}.targets.json`), nowMs);
  demand(targets['version'] === targetsVersion, PART, 'targets have another version');
  const trustedRoot = parseJson(PART, await target(tufUrl, targets, 'trusted_root.json'));
  const signingConfig = parseJson(PART, await target(tufUrl, targets, 'signing_config.v0.2.json'));
  return { trust: checkTrustedRoot(trustedRoot), signingConfig };
}

async function walkRoots(tufUrl: string, initialRoot: Uint8Array): Promise<Json> {
  let root = rootSignedBy(undefined, initialRoot);
  for (;;) {
    const next = Number(root['version']) + 1;
    const { status, bytes } = await request(`${tufUrl}/${next}.root.json`);
    if (status === 404) return root;
    demand(status === 200, PART, `${next}.root.json answered ${status}`);
    root = rootSignedBy(root, bytes);
    demand(root['version'] === next, PART, 'a root has another version');
  }
}

/** A root counts when the one before it and it itself have signed it. */
function rootSignedBy(previous: Json | undefined, bytes: Uint8Array): Json {
  const own = asJson(PART, parseJson(PART, bytes)['signed']);
  if (previous !== undefined) openSigned(previous, 'root', bytes);
  return openSigned(own, 'root', bytes);
}

/** The signed part of a metadata file whose signatures reach the role's threshold. */
function openSigned(root: Json, role: string, bytes: Uint8Array, nowMs?: number): Json {
  const envelope = parseJson(PART, bytes);
  const signed = asJson(PART, envelope['signed']);
  demand(signed['_type'] === role, PART, `a file is not of type ${role}`);
  const rule = asJson(PART, asJson(PART, root['roles'])[role]);
  const keyIds = asList(PART, rule['keyids']);
  const message = olpc(signed);
  const good = new Set<string>();
  for (const entry of asList(PART, envelope['signatures'])) {
    const { keyid, sig } = asJson(PART, entry);
    if (!keyIds.includes(keyid)) continue;
    const key = asJson(PART, asJson(PART, root['keys'])[asText(PART, keyid)]);
    const pem = asText(PART, asJson(PART, key['keyval'])['public']);
    if (verify('sha256', message, pem, Buffer.from(asText(PART, sig), 'hex'))) good.add(asText(PART, keyid));
  }
  demand(good.size >= Number(rule['threshold']) && good.size > 0, PART, `${role} is not signed by its keys`);
  if (nowMs !== undefined) demand(Date.parse(asText(PART, signed['expires'])) > nowMs, PART, `${role} is expired`);
  return signed;
}

function versionOf(signed: Json, file: string): number {
  const version = asJson(PART, asJson(PART, signed['meta'])[file])['version'];
  demand(typeof version === 'number', PART, `no version of ${file}`);
  return version;
}

async function target(tufUrl: string, targets: Json, name: string): Promise<Uint8Array> {
  const entry = asJson(PART, asJson(PART, targets['targets'])[name]);
  const hash = asText(PART, asJson(PART, entry['hashes'])['sha256']);
  const bytes = await get(tufUrl, `targets/${hash}.${name}`);
  const whole = bytes.length === entry['length'] && sameBytes(sha256(bytes), Buffer.from(hash, 'hex'));
  demand(whole, PART, `${name} is not what the metadata says`);
  return bytes;
}

async function get(tufUrl: string, path: string): Promise<Uint8Array> {
  const { status, bytes } = await request(`${tufUrl}/${path}`);
  demand(status === 200, PART, `${path} answered ${status}`);
  return bytes;
}
