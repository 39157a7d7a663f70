import { c } from '@sigstead/platform';
import { checkWhole } from './rules.ts';
import { WHOLE } from './sections.ts';

/** One production configuration; `parseConfig` reads it and checks what cannot be together. */
export const serveSchema = c.object(WHOLE, checkWhole);
