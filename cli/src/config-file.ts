import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError, parseConfig, type Schema } from '@sigstead/platform';
import { Failure, oneLine } from './failure.ts';
import { errno } from './files.ts';

/** A configuration that has passed every check that needs no other file. */
export interface ConfigFile<T> {
  /** Absolute. */
  readonly path: string;
  /** As it was read: workers parse the same text, whatever becomes of the file meanwhile. */
  readonly text: string;
  readonly file: T;
  /** Absolute path of a file that the configuration names. */
  readonly resolve: (path: string) => string;
}

/** Throws a Failure: what cannot be read with the `remedy`, else with every problem, its path and line. */
export async function readConfigFile<T>(path: string, schema: Schema<T>, remedy: string): Promise<ConfigFile<T>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure(`cannot read the configuration ${path} (${errno(error)}): ${remedy}`, { cause: error });
  }
  return parseConfigFile(text, resolve(path), schema);
}

/** `path` is absolute. Throws a Failure with every problem, its path and line. */
export function parseConfigFile<T>(text: string, path: string, schema: Schema<T>): ConfigFile<T> {
  const folder = dirname(path);
  try {
    return { path, text, file: parseConfig(text, schema), resolve: (name) => resolve(folder, name) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Failure(`${path}: ${oneLine(error.message.replaceAll('\n', '; '))}`, { cause: error });
  }
}
