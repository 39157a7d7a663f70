import { parseEnvelope, requireThreshold } from './envelope.ts';
import { TufError } from './errors.ts';
import { keyIdOf } from './keys.ts';
import { type AnySigned, MAX_METADATA_BYTES, ROLES } from './metadata.ts';
import { newestRoot, type PublishedSet } from './published.ts';

/**
 * Rules of ours about a set of files, beyond what a client checks while it refreshes: strict clients refuse the whole repository over each of
 * them. Shapes (one hash algorithm, lengths, no empty members, whole numbers, expiry text) are refused where metadata is parsed.
 * Throws `lint`, `key_id_mismatch` and what parsing throws.
 */
export function lintPublication(set: PublishedSet): void {
  const root = parseEnvelope(newestRoot(set).bytes, 'root').signed;
  lintRootHistory(set);
  for (const [keyId, key] of Object.entries(root.keys)) {
    if (keyIdOf(key) !== keyId) throw new TufError('key_id_mismatch', `key ${keyId} is not the hash of its object`);
  }
  const used = new Set(ROLES.flatMap((role) => root.roles[role].keyids));
  const orphan = Object.keys(root.keys).find((keyId) => !used.has(keyId));
  if (orphan !== undefined) throw lint(`key ${orphan} belongs to no role`);
  lintSignatures(set);
  lintTargets(set);
}

/** Every root ever, without gap, each signed by itself and by the one before. */
function lintRootHistory(set: PublishedSet): void {
  let before: ReturnType<typeof parseEnvelope<'root'>>['signed'] | undefined;
  set.roots.forEach(({ version, bytes }, index) => {
    const envelope = parseEnvelope(bytes, 'root');
    if (envelope.signed.version !== version || version !== index + 1)
      throw lint(`root ${version} at place ${index + 1}`);
    requireThreshold(envelope, envelope.signed.roles.root, envelope.signed.keys);
    if (before) requireThreshold(envelope, before.roles.root, before.keys);
    before = envelope.signed;
  });
}

/** Every signature counts: none is empty, and none is of a key that the role does not have. */
function lintSignatures(set: PublishedSet): void {
  const root = parseEnvelope(newestRoot(set).bytes, 'root').signed;
  for (const role of ['targets', 'snapshot', 'timestamp'] as const) {
    const file = set[role];
    if (file.bytes.length > MAX_METADATA_BYTES[role]) throw lint(`${role} is too long`);
    const envelope = parseEnvelope(file.bytes, role);
    const signed: AnySigned = envelope.signed;
    if (signed.version !== file.version) throw lint(`${role} ${signed.version} filed as ${file.version}`);
    const allowed = root.roles[role].keyids;
    for (const signature of envelope.signatures) {
      if (!allowed.includes(signature.keyid)) throw lint(`${role} signed by a key that is not its own`);
      requireThreshold({ signed, signatures: [signature] }, { keyids: [signature.keyid], threshold: 1 }, root.keys);
    }
  }
}

/** Every file that is named is there, and every file that is there is named. */
function lintTargets(set: PublishedSet): void {
  const { targets } = parseEnvelope(set.targets.bytes, 'targets').signed;
  const named = Object.entries(targets).map(([name, entry]) => `${entry.hashes.sha256}.${name}`);
  const present = new Set(set.blobs.map(({ name, sha256 }) => `${Buffer.from(sha256).toString('hex')}.${name}`));
  const missing = named.find((file) => !present.has(file));
  if (missing !== undefined) throw lint(`target ${missing} is named, but not there`);
  if (present.size !== named.length) throw lint('a target is there that the targets role does not name');
  const bad = Object.keys(targets).find((name) => !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name));
  if (bad !== undefined) throw lint(`target name ${JSON.stringify(bad)}`);
}

function lint(message: string): TufError {
  return new TufError('lint', message);
}
