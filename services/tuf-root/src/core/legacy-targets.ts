import { createPublicKey } from 'node:crypto';
import {
  encodePem,
  type TrustedAuthority,
  type TrustedLog,
  type TrustModel,
  type ValidityWindow,
} from '@sigstead/formats';
import type { SigstoreCustom } from './metadata.ts';

/** A target for clients of before the trusted root: they look for `usage`, and fall back to the names. */
export interface LegacyTarget {
  name: string;
  text: string;
  custom?: SigstoreCustom;
}

/** SPEC: sigstore root-signing, legacy targets; names as in sigstore/scaffolding */
export function legacyTargets(model: TrustModel, nowMs: number): LegacyTarget[] {
  return [
    ...fulcioTargets(byStart(model.certificateAuthorities), nowMs),
    ...logTargets(byStart(model.tlogs), { file: 'rekor', usage: 'Rekor' }, nowMs),
    ...logTargets(byStart(model.ctlogs), { file: 'ctfe', usage: 'CTFE' }, nowMs),
    ...tsaTargets(byStart(model.timestampAuthorities), nowMs),
  ];
}

/** Generation n: its anchor as fulcio_v<n>, what lies below it as fulcio_intermediate_v<n>; a file of one content appears once. */
function fulcioTargets(authorities: readonly TrustedAuthority[], nowMs: number): LegacyTarget[] {
  const targets = authorities.flatMap(({ chain, uri, validFor }, index): LegacyTarget[] => {
    const custom: SigstoreCustom = { usage: 'Fulcio', status: status(validFor, nowMs), uri };
    const anchor = { name: `fulcio_v${index + 1}.crt.pem`, text: certificates(chain.slice(-1)), custom };
    const below = { name: `fulcio_intermediate_v${index + 1}.crt.pem`, text: certificates(chain.slice(0, -1)), custom };
    return chain.length > 1 ? [anchor, below] : [anchor];
  });
  return withoutRepeats(targets);
}

/** An anchor of several generations stands once, under its first name, Active as long as one of them is. */
function withoutRepeats(targets: readonly LegacyTarget[]): LegacyTarget[] {
  const byText = new Map<string, LegacyTarget>();
  for (const target of targets) {
    const known = byText.get(target.text);
    if (!known) byText.set(target.text, target);
    else if (target.custom?.status === 'Active') byText.set(target.text, { ...known, custom: target.custom });
  }
  return [...byText.values()];
}

/** ECDSA keys only: old clients stop at any other kind. The first is `rekor.pub`, then `rekor_2.pub` and so on. */
function logTargets(
  logs: readonly TrustedLog[],
  { file, usage }: { file: string; usage: 'Rekor' | 'CTFE' },
  nowMs: number,
): LegacyTarget[] {
  return logs.flatMap((log, index) => {
    const key = createPublicKey({ key: Buffer.from(log.spki), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ec') return [];
    // The end of a Rekor v2 log is published when it takes nothing more: no target changes by time alone when the window then ends.
    const atMs = log.kind === 'rekor-v2' ? Number.POSITIVE_INFINITY : nowMs;
    const custom: SigstoreCustom = { usage, status: status(log.validFor, atMs), uri: log.baseUrl };
    return [
      { name: `${file}${index === 0 ? '' : `_${index + 1}`}.pub`, text: encodePem('PUBLIC KEY', log.spki), custom },
    ];
  });
}

/**
 * The newest chain whose time has come: old clients refuse more than one leaf. In pieces for those that look for usage TSA, and whole,
 * without usage, so that nobody reads the leaf twice.
 */
function tsaTargets(authorities: readonly TrustedAuthority[], nowMs: number): LegacyTarget[] {
  const authority = authorities.findLast(({ validFor }) => validFor.startMs <= nowMs) ?? authorities[0];
  if (!authority) return [];
  const { chain, uri, validFor } = authority;
  const custom: SigstoreCustom = { usage: 'TSA', status: status(validFor, nowMs), uri };
  const piece = (index: number): string =>
    index === 0 ? 'leaf' : index === chain.length - 1 ? 'root' : `intermediate_${index - 1}`;
  const pieces = chain.map((der, index) => ({
    name: `tsa_${piece(index)}.crt.pem`,
    text: certificates([der]),
    custom,
  }));
  return [...pieces, { name: 'tsa.certchain.pem', text: certificates(chain) }];
}

function certificates(chain: readonly Uint8Array[]): string {
  return chain.map((der) => encodePem('CERTIFICATE', der)).join('');
}

/** Expired keys still verify old material, with a warning. One that is announced for later counts as active. */
function status(window: ValidityWindow, nowMs: number): 'Active' | 'Expired' {
  return window.endMs === undefined || nowMs <= window.endMs ? 'Active' : 'Expired';
}

function byStart<T extends { validFor: ValidityWindow }>(entries: readonly T[]): T[] {
  return entries.toSorted((a, b) => a.validFor.startMs - b.validFor.startMs);
}
