export type { Exit } from './child.ts';
export { type Instance, type InstanceOptions, ROOT, failingStart, startInstance, type TokenRequest } from './instance.ts';
export type { ReadyInfo } from './ready-file.ts';
export { sharedInstance } from './shared.ts';
