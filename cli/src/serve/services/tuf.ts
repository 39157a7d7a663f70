import type { TrustModel } from '@sigstead/formats';
import { systemClock } from '@sigstead/platform';
import { composeTufRoot, type TufRootHandle } from '@sigstead/tuf-root';
import { Failure } from '../../failure.ts';
import type { ServeConfig } from '../config/load.ts';
import type { Materials } from './materials.ts';
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
      refuseForgotten(config, materials, published);
      return trustModelOf(config.file, materials, { published, ...(step === undefined ? {} : { step }) });
    },
    signers: materials.tufSigners,
    prefix: new URL(tuf.publicUrl).pathname.replace(/\/$/, ''),
    internalUrls: tuf.internalUrls,
  });
}

/**
 * The publisher refuses a model that lacks a published log; here it is said what is wrong with this copy of the configuration: most
 * likely a rotation on another machine has published a log that it does not have yet. Throws a Failure.
 */
function refuseForgotten({ file, path }: ServeConfig, materials: Materials, published: TrustModel | undefined): void {
  const known = [
    ...file.logs.map(({ name }) => materials.logs.get(name)?.signer.spki),
    ...materials.alsoTrust.rekorLogs,
  ].map((spki) => Buffer.from(spki ?? []).toString('hex'));
  const forgotten = published?.tlogs.find(({ spki }) => !known.includes(Buffer.from(spki).toString('hex')));
  if (forgotten === undefined) return;
  throw new Failure(
    `tuf: the published trust root names the log at ${forgotten.baseUrl}, whose key is nowhere in ${path}: when sigstead log rotate has made it, copy its section and key file from the machine where that was done; when it is served no longer, name it in tuf.alsoTrust.rekorLogs`,
  );
}
