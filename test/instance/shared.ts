import { after, afterEach, before, type TestContext } from 'node:test';
import { type Instance, type InstanceOptions, startInstance } from './instance.ts';

/**
 * One instance for all tests of a file (or of the `describe` it is called in): started before the first, stopped after
 * the last. Its last lines are printed below every test that failed.
 */
export function sharedInstance(options: InstanceOptions = {}): () => Instance {
  let instance: Instance | undefined;
  before(async () => {
    instance = await startInstance(options);
  });
  afterEach((context) => {
    const failed = 'passed' in context && !(context as TestContext).passed;
    if (failed && instance !== undefined) context.diagnostic(`last lines of the instance:\n${instance.tail(20)}`);
  });
  after(async () => {
    await instance?.stop();
  });
  return () => {
    if (instance === undefined) throw new Error('the instance is used before it was started');
    return instance;
  };
}
