import { TufError } from './errors.ts';
import { parseExpires } from './expires.ts';
import { type Envelope, ROLES, type RoleName } from './metadata.ts';

type Members = Record<string, unknown>;

/**
 * The shape of what we publish, and nothing else: an unknown member, a fraction, a null or a delegation is refused, so that every
 * client's model writes back the very bytes that were signed. Throws `metadata_malformed`.
 */
export function checkEnvelope<R extends RoleName>(value: unknown, role: R): Envelope<R> {
  const envelope = members(value, role, ['signatures', 'signed']);
  for (const entry of list(envelope['signatures'], `${role}.signatures`)) {
    const signature = members(entry, `${role}.signatures`, ['keyid', 'sig']);
    hex(signature['keyid'], `${role} keyid`, 64);
    if (typeof signature['sig'] !== 'string') throw malformed(`${role} sig`);
  }
  const common = ['_type', 'spec_version', 'version', 'expires'];
  const signed = members(envelope['signed'], role, [...common, ...OWN_MEMBERS[role]]);
  if (signed['_type'] !== role) throw malformed(`${role}._type`);
  if (!/^1\.\d+(?:\.\d+)?$/.test(String(signed['spec_version']))) throw malformed(`${role}.spec_version`);
  count(signed['version'], `${role}.version`);
  if (parseExpires(signed['expires']) === undefined) throw malformed(`${role}.expires`);
  CHECKS[role](signed);
  return value as Envelope<R>;
}

const OWN_MEMBERS: Readonly<Record<RoleName, string[]>> = {
  root: ['consistent_snapshot', 'keys', 'roles'],
  targets: ['targets'],
  snapshot: ['meta'],
  timestamp: ['meta'],
};

const CHECKS: Readonly<Record<RoleName, (signed: Members) => void>> = {
  root: checkRoot,
  targets: checkTargets,
  snapshot: (signed) => checkMeta(signed['meta'], 'targets.json', 'snapshot'),
  timestamp: (signed) => checkMeta(signed['meta'], 'snapshot.json', 'timestamp'),
};

function checkRoot(signed: Members): void {
  if (signed['consistent_snapshot'] !== true) throw malformed('root.consistent_snapshot');
  const keys = anyMembers(signed['keys'], 'root.keys');
  for (const [keyId, value] of Object.entries(keys)) {
    hex(keyId, 'root.keys', 64);
    const key = members(value, `root.keys.${keyId}`, ['keytype', 'keyval', 'scheme']);
    const keyval = members(key['keyval'], `root.keys.${keyId}.keyval`, ['public']);
    const usual = key['keytype'] === 'ecdsa' && key['scheme'] === 'ecdsa-sha2-nistp256';
    if (!usual || typeof keyval['public'] !== 'string') throw malformed(`root.keys.${keyId}`);
  }
  const roles = members(signed['roles'], 'root.roles', ROLES);
  for (const name of ROLES) {
    const role = members(roles[name], `root.roles.${name}`, ['keyids', 'threshold']);
    const keyIds = list(role['keyids'], `root.roles.${name}.keyids`);
    if (keyIds.some((keyId) => typeof keyId !== 'string' || !Object.hasOwn(keys, keyId)))
      throw malformed(`root.roles.${name}.keyids`);
    if (new Set(keyIds).size !== keyIds.length) throw malformed(`root.roles.${name}.keyids`);
    count(role['threshold'], `root.roles.${name}.threshold`);
  }
}

function checkTargets(signed: Members): void {
  for (const [name, value] of Object.entries(anyMembers(signed['targets'], 'targets.targets'))) {
    const entry = members(value, `targets.${name}`, ['length', 'hashes', 'custom']);
    count(entry['length'], `targets.${name}.length`);
    hex(members(entry['hashes'], `targets.${name}.hashes`, ['sha256'])['sha256'], `targets.${name}.hashes.sha256`, 64);
    if (!('custom' in entry)) continue;
    const custom = members(entry['custom'], `targets.${name}.custom`, ['sigstore']);
    const sigstore = members(custom['sigstore'], `targets.${name}.custom.sigstore`, ['usage', 'status', 'uri']);
    if (Object.values(sigstore).length !== 3 || Object.values(sigstore).some((text) => typeof text !== 'string')) {
      throw malformed(`targets.${name}.custom.sigstore`);
    }
  }
}

function checkMeta(value: unknown, file: string, role: string): void {
  const meta = members(value, `${role}.meta`, [file]);
  count(members(meta[file], `${role}.meta.${file}`, ['version'])['version'], `${role}.meta.${file}.version`);
}

function members(value: unknown, path: string, known: readonly string[]): Members {
  const object = anyMembers(value, path);
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw malformed(`${path}.${unknown}`);
  return object;
}

function anyMembers(value: unknown, path: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(path);
  return value as Members;
}

function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value) || value.length > 100) throw malformed(path);
  return value;
}

function count(value: unknown, path: string): void {
  if (!Number.isSafeInteger(value) || Number(value) < 1) throw malformed(path);
}

function hex(value: unknown, path: string, digits: number): void {
  if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-f]+$/.test(value)) throw malformed(path);
}

function malformed(path: string): TufError {
  return new TufError('metadata_malformed', `${path} is not what we publish`);
}
