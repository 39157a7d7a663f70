import { DatabaseError, type Clock } from '@sigstead/platform';
import type { TrustModel } from '@sigstead/formats';
import { signEnvelope } from '../core/envelope.ts';
import { TufError } from '../core/errors.ts';
import type { RoleSigner } from '../core/keys.ts';
import { type RoleName, ROLES } from '../core/metadata.ts';
import { decodeModel, encodeModel } from '../core/model-codec.ts';
import { checkSuccession } from '../core/model-rules.ts';
import type { Periods } from '../core/periods.ts';
import { type Plan, planPublication } from '../core/plan.ts';
import type { Publication, PublicationStore } from '../core/ports.ts';
import { metadataOf, newestRoot, type PublishedSet } from '../core/published.ts';
import type { PublishedView } from '../core/published-view.ts';
import { selfCheck } from '../core/self-check.ts';
import type { SignerSet } from '../core/signers.ts';
import { type TargetFile, targetEntries, targetFiles } from '../core/target-files.ts';

export interface PublisherPorts {
  store: PublicationStore;
  clock: Clock;
  signers: SignerSet;
  periods: Periods;
  /** What this process serves; it learns of every publication. */
  view: PublishedView;
}

export interface PublishResult {
  set: PublishedSet;
  /** Roles that were signed anew; empty when everything stood. */
  renewed: RoleName[];
  /** Roles that are due, but whose signers are not here. */
  overdue: RoleName[];
}

/** A model, or how to derive it from the one that was published last: then called again whenever another publisher was faster. */
export type GivenModel = TrustModel | ((published: TrustModel | undefined) => TrustModel);

/**
 * Where the targets come from: a model that is given; the one that was published last (its files change with time, when a window ends); or
 * nowhere, to renew metadata alone.
 */
export type ModelSource = GivenModel | 'published' | 'none';

const MAX_ATTEMPTS = 8;

/**
 * Brings what is published in line with the model, and renews what is due. Signs nothing when all stands. Against other publishers it
 * starts over from what they published. A crash at any point leaves the old publication or the new one: signatures reach nobody before
 * the commit that stores them is known. Throws TufError, TrustError, and errors of store and signers.
 */
export async function publish(ports: PublisherPorts, source: ModelSource): Promise<PublishResult> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const before = await ports.view.refresh(() => ports.store.load());
    const result = await attemptPublication(ports, before, wantedModel(ports, source, before));
    if (result === 'lost') continue;
    ports.view.adopt(result.set);
    return result;
  }
  throw new TufError('publish_contended', `${MAX_ATTEMPTS} attempts were overtaken by other publishers`);
}

/**
 * Where the targets key is elsewhere, a model that is published already stays as it was signed, whatever time has made of its windows:
 * nothing can be done about it here, and a start must not fail for it. The renewer tells what is left to do.
 */
function wantedModel(
  { signers }: PublisherPorts,
  source: ModelSource,
  before: PublishedSet | undefined,
): TrustModel | undefined {
  const model = resolveModel(source, before);
  if (source === 'published' || model === undefined || before === undefined || signers.roles.targets) return model;
  const isPublished = Buffer.compare(encodeModel(model), encodeModel(decodeModel(before.model))) === 0;
  return isPublished ? undefined : model;
}

function resolveModel(source: ModelSource, before: PublishedSet | undefined): TrustModel | undefined {
  if (source === 'none') return undefined;
  if (typeof source === 'object') return source;
  const published = before && decodeModel(before.model);
  return source === 'published' ? published : source(published);
}

async function attemptPublication(
  ports: PublisherPorts,
  before: PublishedSet | undefined,
  model: TrustModel | undefined,
): Promise<PublishResult | 'lost'> {
  if (before && model) checkSuccession(decodeModel(before.model), model);
  // A clock that was set back does not take back what was published: time stands still until it has caught up.
  const nowMs = Math.max(ports.clock.nowMs(), before?.publishedAtMs ?? Number.NEGATIVE_INFINITY);
  const files = model && targetFiles(model, nowMs);
  const plan = planPublication({
    published: before && metadataOf(before),
    roles: ports.signers.roles,
    targets: files && targetEntries(files),
    periods: ports.periods,
    nowMs,
  });
  const renewed = ROLES.filter((role) => plan.signed[role] !== undefined);
  if (before && renewed.length === 0) return { set: before, renewed, overdue: plan.overdue };
  const candidate = await sign(ports, { before, plan, files, model, nowMs });
  selfCheck(candidate.set, before, nowMs);
  const outcome = await store(ports.store, candidate.publication);
  return outcome === 'published' ? { set: candidate.set, renewed, overdue: plan.overdue } : 'lost';
}

/** An unknown outcome counts as lost: what is loaded next tells, and when it was ours there is nothing left to do. */
async function store(to: PublicationStore, publication: Publication): Promise<'published' | 'lost'> {
  try {
    return await to.publish(publication);
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'commit_unknown') return 'lost';
    throw error;
  }
}

interface Draft {
  before: PublishedSet | undefined;
  plan: Plan;
  files: readonly TargetFile[] | undefined;
  model: TrustModel | undefined;
  nowMs: number;
}

/** Root metadata is endorsed by the keys before it and its own; everything else by the keys of the root it will stand under. */
function signersOf(ports: PublisherPorts, role: RoleName, draft: Draft): RoleSigner[] {
  const published = draft.before && metadataOf(draft.before).root;
  const wanted = new Set(draft.plan.signed.root?.roles[role].keyids ?? published?.roles[role].keyids);
  if (role === 'root') for (const keyId of published?.roles.root.keyids ?? []) wanted.add(keyId);
  return ports.signers.signersFor(role).filter(({ keyId }) => wanted.has(keyId));
}

async function sign(ports: PublisherPorts, draft: Draft): Promise<{ set: PublishedSet; publication: Publication }> {
  const { before, plan, nowMs } = draft;
  const files: Publication['files'][number][] = [];
  for (const role of ROLES) {
    const signed = plan.signed[role];
    if (!signed) continue;
    files.push({ role, version: signed.version, bytes: await signEnvelope(signed, signersOf(ports, role, draft)) });
  }
  const file = (role: Exclude<RoleName, 'root'>): PublishedSet['targets'] => {
    const found = files.find((each) => each.role === role) ?? before?.[role];
    if (!found) throw new TufError('lint', `no ${role}`);
    return { version: found.version, bytes: found.bytes };
  };
  const roots = files.filter(({ role }) => role === 'root').map(({ version, bytes }) => ({ version, bytes }));
  const set: PublishedSet = {
    sequence: (before?.sequence ?? 0) + 1,
    publishedAtMs: nowMs,
    model: draft.model ? encodeModel(draft.model) : (before?.model ?? new Uint8Array()),
    roots: [...(before?.roots ?? []), ...roots],
    targets: file('targets'),
    snapshot: file('snapshot'),
    timestamp: file('timestamp'),
    blobs: plan.signed.targets && draft.files ? draft.files : (before?.blobs ?? []),
  };
  return { set, publication: publicationOf(set, files) };
}

function publicationOf(set: PublishedSet, files: Publication['files']): Publication {
  const { sequence, publishedAtMs, model, blobs } = set;
  const versions = {
    root: newestRoot(set).version,
    targets: set.targets.version,
    snapshot: set.snapshot.version,
    timestamp: set.timestamp.version,
  };
  return { sequence, publishedAtMs, model, files, versions, blobs };
}
