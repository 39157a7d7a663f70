import { checkInstance, signOnce } from '../self-test/index.ts';
import type { Ground } from './ground.ts';
import type { Instance } from './instance-file.ts';
import type { Progress } from './progress.ts';
import type { DevServices } from './services.ts';

export interface RunningCheck {
  readonly ground: Ground;
  readonly instance: Instance;
  readonly services: DevServices;
  readonly progress: Progress;
}

/** A new instance signs once through everything; a known one is looked at. Gives what the folder remembers then. */
export async function checkRunning(input: RunningCheck): Promise<Instance> {
  const { ground, instance, services, progress } = input;
  const at = {
    publicUrl: ground.publicUrl,
    localUrl: localUrl(services.serving.addresses),
    initialRoot: services.tuf.initialRoot().bytes,
  };
  if (instance.selfTested) {
    await progress.step('checking the trust material', () => checkInstance(at));
  } else {
    const token = (email: string): Promise<string> =>
      services.oidc.token({ issuer: 'email', email, lifetimeSeconds: 60 });
    await progress.step('signing once through all services', () => signOnce({ ...at, token }));
  }
  const { publicUrl: _before, ...rest } = instance;
  return { ...rest, ...ground.remembered, selfTested: true };
}

/** Where this process reaches itself, also when it listens on every address. */
function localUrl(addresses: readonly string[]): string {
  const address = (addresses[0] ?? '').replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
  return `http://${address}`;
}
