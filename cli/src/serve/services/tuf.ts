import { systemClock } from '@sigstead/platform';
import { composeTufRoot, type TufRootHandle } from '@sigstead/tuf-root';
import { refuseLostLines } from './lost-lines.ts';
import type { ComposeOptions } from './options.ts';
import type { ShardStep } from './shards.ts';
import { trustModelOf } from './trust-model.ts';

/** The publisher of a configuration. It publishes what the configuration says, one `step` of a rotation included. */
export function openTuf(options: ComposeOptions, step?: ShardStep): Promise<TufRootHandle> {
  const { config, materials, connectionString = '', logger, metrics } = options;
  const { tuf, database } = config.file;
  if (tuf === undefined || materials.tufSigners === undefined) throw new TypeError('no tuf in the configuration');
  return composeTufRoot({
    connection: { connectionString, requireDurable: database?.dangerouslyAllowUnsafeSettings !== true },
    logger: logger.child({ part: 'tuf-root' }),
    metrics,
    clock: systemClock,
    model: (published) => {
      refuseLostLines(config, materials, published);
      return trustModelOf(config.file, materials, { published, ...(step === undefined ? {} : { step }) });
    },
    signers: materials.tufSigners,
    prefix: new URL(tuf.publicUrl).pathname.replace(/\/$/, ''),
    internalUrls: tuf.internalUrls,
  });
}
