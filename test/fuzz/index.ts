export { mutateBytes } from '../e2e/fuzz/mutate-bytes.ts';
export type { Random } from '../e2e/fuzz/random.ts';
export { mutateDer } from './mutate-der.ts';
export { expect, type FuzzTarget, parsed, sameBytes, textOf, type Verdict } from './target.ts';
