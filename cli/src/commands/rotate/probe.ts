import { type RekorV2Personality, rekorV2Personality } from '@sigstead/log';
import type { LocalSigner } from '@sigstead/keys';
import { Failure, messageOf } from '../../failure.ts';
import { request } from '../../http-client.ts';
import type { LogFile } from '../../serve/config/sections.ts';

/**
 * Asks the public URL of a log for its checkpoint, the way clients will. Nobody is sent to a log, or told to trust it, that does not
 * answer yet. Throws a Failure.
 */
export async function probeLog({ name, publicUrl }: LogFile, signer: LocalSigner): Promise<void> {
  const url = `${publicUrl}/checkpoint`;
  const remedy = `start or restart sigstead serve with this configuration, on every machine, and see that ${publicUrl} leads there; --no-probe when this machine cannot reach it`;
  const answer = await request(url).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new Failure(`log ${name} does not answer at ${url} (${messageOf(cause)}): ${remedy}`, { cause: error });
  });
  if (answer.status !== 200)
    throw new Failure(`log ${name} does not answer at ${url} (status ${answer.status}): ${remedy}`);
  try {
    const own: RekorV2Personality = rekorV2Personality({ origin: new URL(publicUrl).hostname, signer });
    own.openHead(answer.bytes);
  } catch (error) {
    throw new Failure(`what answers at ${url} is not log ${name} (${messageOf(error)}): see where that URL leads`, {
      cause: error,
    });
  }
}
