import { type ConfigFile, parseConfigFile, readConfigFile } from '../../config-file.ts';
import { serveSchema } from './schema.ts';
import type { ServeFile } from './sections.ts';

export type ServeConfig = ConfigFile<ServeFile>;

/** Throws a Failure with every problem, its path and line. */
export function readServeConfig(path: string): Promise<ServeConfig> {
  return readConfigFile(path, serveSchema, 'name an existing file; sigstead config print-example shows one');
}

/** Throws a Failure. */
export function parseServeConfig(text: string, path: string): ServeConfig {
  return parseConfigFile(text, path, serveSchema);
}
