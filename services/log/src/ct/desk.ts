import type { Sct } from '@sigstead/formats';
import type { Logger } from '@sigstead/platform';
import type { SignedTreeHead } from '../core/ct/personality.ts';
import { addChain, type CtLog } from './add-chain.ts';
import { currentSth } from './current-sth.ts';

/** One CT log, for whoever speaks to its clients. */
export interface CtDesk extends CtLog {
  /** See add-chain.ts. Throws LogError. */
  addChain(chain: readonly Uint8Array[], type: 'x509' | 'precert', signal?: AbortSignal): Promise<Sct>;
  /** See current-sth.ts. Throws LogError. */
  currentSth(): Promise<SignedTreeHead>;
}

/** What HTTP and the CA of the same process ask of a CT log. */
export function ctDesk(ct: CtLog, logger: Logger): CtDesk {
  return {
    ...ct,
    addChain: (chain, type, signal) => addChain(ct, chain, type, signal),
    currentSth: () => currentSth(ct, logger),
  };
}
