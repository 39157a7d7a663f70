import type { Logger, Metrics } from '@sigstead/platform';
import type { ServeConfig } from '../config/load.ts';
import type { Materials } from './materials.ts';

/** What the services of one process are made of. */
export interface ComposeOptions {
  readonly config: ServeConfig;
  readonly materials: Materials;
  /** With its password. Absent when no service has a database. */
  readonly connectionString: string | undefined;
  readonly version: string;
  /** Number of this worker, from 1. */
  readonly slot: number;
  /** Whether other workers listen on the same ports. */
  readonly shared: boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
}
