import { LogError } from '@sigstead/log';
import { Failure, messageOf } from '../../failure.ts';

/** Runs a step of the start; what goes wrong becomes a Failure that names the part of the configuration. */
export async function startStep<T>(part: string, configPath: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${part}: ${reasonOf(error)}${remedyOf(error, configPath)}`, { cause: error });
  }
}

/** Several addresses of one host fail together as an error without a text of its own. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const cause = first instanceof Error && first.cause instanceof Error ? ` (${messageOf(first.cause)})` : '';
  return messageOf(first) + cause;
}

function remedyOf(error: unknown, configPath: string): string {
  if (!(error instanceof LogError) || error.code !== 'misconfigured') return '';
  const name = /^there is no log "([^"]+)"/.exec(error.message)?.[1];
  return name === undefined ? '' : `: sigstead log create --config ${configPath} --name ${name}`;
}
