import { hash } from 'node:crypto';
import type { Logger, Metrics } from '@sigstead/platform';
import { CLIENT_SIGNING_ALGORITHMS } from './core/rekor-v2/entry.ts';
import type { RekorV2Personality } from './core/rekor-v2/personality.ts';
import { searchKeysOf } from './core/rekor-v2/search-keys.ts';
import type { OpenLog } from './open-log.ts';
import type { LogSpec } from './options.ts';
import { type EntryDesk, entryDesk } from './rekor-v2/create-entry.ts';
import { processLoop } from './rekor-v2/unread.ts';
import { sha256 } from './sha256.ts';

/** Where entries of a Rekor v2 log are handed in, by what its specification says. */
export function openDesk(options: {
  spec: LogSpec;
  log: OpenLog;
  personality: RekorV2Personality;
  logger: Logger;
  metrics: Metrics;
}): EntryDesk {
  const { spec, log, personality, logger, metrics } = options;
  return entryDesk({
    log,
    keyId: personality.keyId,
    rules: {
      algorithms: new Set(spec.clientSigningAlgorithms ?? CLIENT_SIGNING_ALGORITHMS),
      dsse: spec.dsse ?? true,
      digest: (name, data) => hash(name, data, 'buffer'),
      leafHash: (leaf) => log.hasher.leaf(leaf),
      searchKeys: (spec.search ?? true) ? (entry) => searchKeysOf(entry, sha256) : undefined,
    },
    readOnly: spec.readOnly ?? false,
    duplicates: spec.duplicates ?? 'original',
    logger,
    metrics,
    loop: processLoop(),
  });
}
