export {
  composeWitness,
  initWitness,
  isWitnessState,
  MAX_LOGS,
  type WitnessHandle,
  type WitnessOptions,
  type WitnessState,
  witnessVkey,
} from './compose.ts';
export { WitnessSetupError, type WitnessSetupCode } from './core/errors.ts';
export type { LogSpec } from './core/known-log.ts';
export type { StateFiles } from './store/files.ts';
export { originHash } from './store/log-store.ts';
