import { LogError } from '@sigstead/log';
import { DatabaseError, sqlState } from '@sigstead/platform';
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
  // Its message is for clients.
  if (error instanceof LogError && error.detail !== undefined) return error.detail;
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const cause = first instanceof Error && first.cause instanceof Error ? ` (${messageOf(first.cause)})` : '';
  return messageOf(first) + cause;
}

function remedyOf(error: unknown, configPath: string): string {
  if (error instanceof DatabaseError && error.code === 'schema_newer') {
    return ': run the release that applied it, or a newer one';
  }
  // SPEC: PostgreSQL error codes, 42501 insufficient_privilege
  if (sqlState(error) === '42501') {
    return `: sigstead migrate --config ${configPath} gives a serving role its rights; a migrating role needs those of the tables' owner`;
  }
  if (!(error instanceof LogError) || error.code !== 'misconfigured') return '';
  const name = /^there is no log "([^"]+)"/.exec(error.message)?.[1];
  if (name !== undefined) return `: sigstead log create --config ${configPath} --name ${name}`;
  const unmarked = /^log "([^"]+)": it has \d+ entries and no high-water mark/.exec(error.message)?.[1];
  if (unmarked === undefined) return '';
  return `: put the mark back, or, knowing how many entries there must be at least: sigstead log mark --config ${configPath} --size N ${unmarked}`;
}
