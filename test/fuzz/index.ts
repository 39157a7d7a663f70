export { mutateBytes } from '../e2e/fuzz/mutate-bytes.ts';
export { Random } from '../e2e/fuzz/random.ts';
export { hostileInput } from './hostile.ts';
export { mutateDer } from './mutate-der.ts';
export { expect, type FuzzTarget, parsed, sameBytes, textOf, type Verdict } from './target.ts';
