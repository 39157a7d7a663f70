import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { c, ConfigError, type Infer, parseConfig } from '@sigstead/platform';
import type { DevFlags, LogLevelName } from '../flags/dev.ts';
import { Failure, oneLine } from '../failure.ts';
import { errno, writeFileAtomically } from '../files.ts';
import type { Instance } from './instance-file.ts';

/** How this start runs: command line over settings file over what the folder remembers over defaults. */
export interface Settings {
  /** 0: a free one. */
  readonly port: number;
  readonly host: string;
  /** Absent: http://localhost:PORT. */
  readonly publicUrl?: string;
  readonly metricsPort: number;
  /** Of the Rekor log over gRPC, 0: a free one. Absent: not served. */
  readonly grpcPort?: number;
  readonly logLevel: LogLevelName;
  /** Of the CT log, for ever. */
  readonly ctLeafIndex: boolean;
}

const DEFAULT_PORT = 8080;
const FILE = 'sigstead.yaml';

const port = c.integer({ min: 0, max: 65_535 });
const schema = c.object({
  version: c.integer({ min: 1, max: 1 }),
  port: c.optional(port),
  host: c.optional(c.string({ maxLength: 255 })),
  publicUrl: c.optional(c.url()),
  metricsPort: c.optional(port),
  grpcPort: c.optional(port),
  logLevel: c.optional(c.oneOf('debug', 'info', 'warn', 'error', 'silent')),
  ctLeafIndex: c.optional(c.boolean()),
});
type ConfigFile = Infer<typeof schema>;

const TEMPLATE = `# Settings of this development instance. Options on the command line win over them; an unknown key stops the start.
version: 1

# Port of all services; 0 takes a free one. Default: the port of the last start, 8080 at first.
#port: 8080

# Address to listen on. Default: loopback, 127.0.0.1 and ::1.
#host: localhost

# URL that clients use, without a path. Default: http://localhost:PORT.
#publicUrl: http://localhost:8080

# Port of the metrics, on loopback; 0 takes a free one. Default: 0.
#metricsPort: 9090

# Port of the Rekor log over gRPC; 0 takes a free one. Default: none.
#grpcPort: 3001

# debug, info, warn, error or silent; JSON lines on stderr. Default: warn.
#logLevel: warn

# Whether the entries of the CT log name their own index (static-ct-api). Only before the first start. Default: as it was made,
# false at first.
#ctLeafIndex: false
`;

/** Reads the settings file (a missing one in the data folder is made) and merges. Throws a Failure. */
export async function loadSettings(
  dataDir: string,
  flags: DevFlags,
  instance: Instance | undefined,
): Promise<Settings> {
  const path = flags.config ?? join(dataDir, FILE);
  const config = await readConfigFile(path, flags.config === undefined);
  const grpcPort = flags.grpcPort ?? config.grpcPort;
  const publicUrl = flags.publicUrl ?? originOf(path, config.publicUrl) ?? instance?.publicUrl;
  return {
    port: flags.port ?? config.port ?? instance?.port ?? DEFAULT_PORT,
    host: flags.host ?? config.host ?? 'localhost',
    metricsPort: flags.metricsPort ?? config.metricsPort ?? 0,
    logLevel: flags.logLevel ?? config.logLevel ?? 'warn',
    ctLeafIndex: flags.ctLeafIndex ?? config.ctLeafIndex ?? instance?.ctLeafIndex ?? false,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(grpcPort === undefined ? {} : { grpcPort }),
  };
}

async function readConfigFile(path: string, makeIt: boolean): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (!makeIt || errno(error) !== 'ENOENT') {
      throw new Failure(`cannot read the settings file ${path} (${errno(error)})`, { cause: error });
    }
    await writeFileAtomically(path, TEMPLATE, 0o644);
    text = TEMPLATE;
  }
  try {
    return parseConfig(text, schema);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Failure(`${path}: ${oneLine(error.message.replaceAll('\n', '; '))}`, { cause: error });
  }
}

function originOf(path: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const { origin, href } = new URL(url);
  if (href !== `${origin}/`)
    throw new Failure(`${path}: publicUrl: must be like http://localhost:8080, without a path`);
  return origin;
}

/** The URL that clients use on this port, and what of it is worth remembering. */
export function publicUrlOn(settings: Settings, boundPort: number): { url: string; remembered?: string } {
  const plain = `http://localhost:${boundPort}`;
  if (settings.publicUrl === undefined || settings.publicUrl === plain) return { url: plain };
  return { url: settings.publicUrl, remembered: settings.publicUrl };
}
