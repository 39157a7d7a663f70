import { after, afterEach, type TestContext } from 'node:test';
import { type Instance, type InstanceOptions, startInstance } from './instance.ts';

/**
 * One instance for all tests of a file: started when this is awaited, stopped after the last test. Its last lines are
 * printed below every test that failed. Await it before the first test is declared: the runner's end comes when no
 * declared test is left, and what starts after that is never stopped.
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
