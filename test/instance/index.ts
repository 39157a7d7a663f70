export type { Exit } from './child.ts';
export {
  compileCacheDir,
  failingStart,
  type Instance,
  type InstanceOptions,
  ROOT,
  startInstance,
  type TokenRequest,
} from './instance.ts';
export type { ReadyInfo } from './ready-file.ts';
export { sharedInstance } from './shared.ts';
