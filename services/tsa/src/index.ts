export { composeTsa, type TsaHandle, type TsaOptions } from './compose.ts';
export { checkChain, type ChainInput, type TsaChain } from './core/chain.ts';
export { TsaSetupError, type TsaSetupCode } from './core/errors.ts';
export { SIGSTORE_POLICY } from './core/policies.ts';
export type { RandomBytes, TimeFloor } from './core/ports.ts';
export { TSA_CLEAN_PATHS } from './http/paths.ts';
export { openFileTimeFloor } from './store/file-time-floor.ts';
export { memoryTimeFloor } from './store/memory-time-floor.ts';
