import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError, parseConfig } from '@sigstead/platform';
import { Failure, oneLine } from '../../failure.ts';
import { errno } from '../../files.ts';
import { serveSchema } from './schema.ts';
import type { ServeFile } from './sections.ts';

/** A configuration that has passed every check that needs no other file. */
export interface ServeConfig {
  /** Absolute. */
  readonly path: string;
  /** As it was read: workers parse the same text, whatever becomes of the file meanwhile. */
  readonly text: string;
  readonly file: ServeFile;
  /** Absolute path of a file that the configuration names. */
  readonly resolve: (path: string) => string;
}

/** Throws a Failure with every problem, its path and line. */
export async function readServeConfig(path: string): Promise<ServeConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure(
      `cannot read the configuration ${path} (${errno(error)}): name an existing file; sigstead config print-example shows one`,
      { cause: error },
    );
  }
  return parseServeConfig(text, resolve(path));
}

/** Throws a Failure. */
export function parseServeConfig(text: string, path: string): ServeConfig {
  const folder = dirname(path);
  try {
    return { path, text, file: parseConfig(text, serveSchema), resolve: (name) => resolve(folder, name) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Failure(`${path}: ${oneLine(error.message.replaceAll('\n', '; '))}`, { cause: error });
  }
}
