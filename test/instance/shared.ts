import { after, afterEach, type TestContext } from 'node:test';
import { type Instance, type InstanceOptions, startInstance } from './instance.ts';

/**
 * One instance for all tests of a file: started when this is awaited (outside of tests), stopped after the last one.
 * Its last lines are printed below every test that failed.
 */
export async function sharedInstance(options: InstanceOptions = {}): Promise<Instance> {
  const instance = await startInstance(options);
  afterEach((context) => {
    const failed = 'passed' in context && !(context as TestContext).passed;
    if (failed) context.diagnostic(`last lines of ${instance.url}:\n${instance.tail(20)}`);
  });
  after(async () => {
    await instance.stop();
  });
  return instance;
}
