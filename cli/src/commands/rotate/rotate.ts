import { DEFAULT_PERIODS } from '@sigstead/tuf-root';
import { Failure, usageFailure } from '../../failure.ts';
import type { RotateFlags } from '../../flags/rotate.ts';
import { GENERATED } from '../../dev/configuration.ts';
import type { Schema } from '@sigstead/platform';
import { readServeConfig } from '../../serve/config/load.ts';
import type { LogFile } from '../../serve/config/sections.ts';
import { listenAddress, logName, serviceUrl } from '../../serve/config/values.ts';
import type { LogSite } from '../log-site.ts';
import { create, freeze, publish, switchOver } from './act.ts';
import { readGround, type RotationGround } from './facts.ts';
import { withRotationLock } from './lock.ts';
import { isDone, refusalOf, type RotateStep, stepsOf } from './plan.ts';
import { prepare } from './prepare.ts';
import { linesElsewhere, shownRotation } from './show.ts';

/** A client may go on with what it has until the timestamp in it expires. */
const DEFAULT_WAIT_MS = DEFAULT_PERIODS.timestamp.lifetimeMs;

/**
 * `sigstead log rotate`: without a step it shows where the rotation of a log is; with one it does that step, if it is the next, and no
 * other. Every step may be repeated: one that is done is left alone. Throws a Failure.
 */
export async function rotateLog(site: LogSite, old: LogFile, flags: RotateFlags): Promise<void> {
  if (old.kind !== 'rekor-v2') {
    throw new Failure(
      `${old.name} is a ct log: to end one, add another to logs and name that in ca.ct.log, then freeze the old one`,
    );
  }
  if (site.config.text.startsWith(GENERATED)) {
    throw new Failure(
      `${site.config.path} is written anew at every start of sigstead dev, which has one log: to try a rotation see docs/runbooks/rotate-log.md`,
    );
  }
  const { step, waitMs = DEFAULT_WAIT_MS } = flags;
  if (step === undefined) {
    site.io.write(shownRotation(await readGround(site, old), waitMs));
    return;
  }
  await withRotationLock(site, old.name, async () => {
    const ground = await readGround(site, old);
    if (isDone(step, ground.facts)) site.io.write(`${step} is done already\n\n`);
    else await takeStep(ground, step, { ...flags, waitMs });
    // Read anew, also the configuration: what is shown is what there is.
    const config = await readServeConfig(site.config.path);
    const still = config.file.logs.find(({ name }) => name === old.name) ?? old;
    site.io.write(shownRotation(await readGround({ ...site, config }, still), waitMs));
  });
}

async function takeStep(
  ground: RotationGround,
  step: RotateStep,
  flags: Omit<RotateFlags, 'waitMs'> & { waitMs: number },
): Promise<void> {
  const { site, facts } = ground;
  const isElsewhere = !stepsOf(facts).includes(step);
  if (isElsewhere && (step === 'publish' || step === 'switch')) {
    site.io.write(`${linesElsewhere(ground, step)}\n`);
    return;
  }
  const refusal = refusalOf(step, facts, flags.waitMs);
  if (refusal !== undefined) throw new Failure(refusal);
  switch (step) {
    case 'prepare':
      return prepareStep(ground, flags);
    case 'create':
      return create(ground);
    case 'publish':
      return publish(ground, flags);
    case 'switch':
      return switchOver(ground, flags);
    case 'freeze':
      return freezeStep(ground, flags.confirm);
  }
}

async function prepareStep(ground: RotationGround, { to, url, listen, write }: RotateFlags): Promise<void> {
  const wanted = {
    name: understood('--to', logName, to),
    url: understood('--url', serviceUrl, url),
    listen: listen === undefined ? undefined : understood('--listen', listenAddress, listen),
  };
  ground.site.io.write(await prepare(ground, wanted, write));
}

/** A value of the command line under the rules of the configuration. Throws a usage Failure. */
function understood<T>(option: string, schema: Schema<T>, value: string | undefined): T {
  let isBad = false;
  const bad = (): void => {
    isBad = true;
  };
  const read = schema.read(value, { path: option, fail: bad, report: bad });
  if (isBad) throw usageFailure(`${option} must be ${schema.expected}`, 'log');
  return read;
}

async function freezeStep(ground: RotationGround, confirm: string | undefined): Promise<void> {
  const { old, next, trust } = ground.facts;
  if (confirm !== old.name) {
    const asked = confirm === undefined ? '' : `--confirm names another log (${confirm}); `;
    const elsewhere = trust === undefined ? ', and nothing here can tell whether clients have been sent to it' : '';
    throw new Failure(
      `${asked}freezing ${old.name} is for ever: it takes no entry again, whoever writes to it is sent to ${next?.name}${elsewhere}; to do it add --confirm ${old.name}`,
    );
  }
  await freeze(ground);
  if (trust === undefined) ground.site.io.write(`${linesElsewhere(await readGround(ground.site, old), 'freeze')}\n`);
}
