import { encodePem } from '@sigstead/formats';
import { shellWord } from '../../shell.ts';
import { entries } from '../log-site.ts';
import type { RotationFacts, RotationGround } from './facts.ts';
import { earliestMs, isDone, iso, nextStep, ROTATE_STEPS, type RotateStep, stepsOf, windowEndMs } from './plan.ts';

/** Where a rotation is, and the command that comes next. */
export function shownRotation({ site, facts }: RotationGround, waitMs: number): string {
  const { old, next } = facts;
  const names =
    next === undefined ? `${old.name} (${old.publicUrl})` : `${old.name} -> ${next.name} (${next.publicUrl})`;
  const own = stepsOf(facts);
  const lines = ROTATE_STEPS.map((step) => {
    const state = own.includes(step) ? stateOf(step, facts, waitMs) : 'elsewhere: this configuration has no tuf';
    return `  ${step.padEnd(8)}  ${state}\n`;
  });
  return `${names}\n${lines.join('')}${nextText(facts, site.config.path)}`;
}

function stateOf(step: RotateStep, facts: RotationFacts, waitMs: number): string {
  if (isDone(step, facts)) {
    const detail = detailOf(step, facts);
    return detail === undefined ? 'done' : `done: ${detail}`;
  }
  const earliest = earliestMs(step, facts, waitMs);
  if (earliest === undefined) return step === 'freeze' && facts.oldRow?.state === 'frozen' ? 'half done: frozen' : '-';
  return earliest <= facts.nowMs ? 'may be done now' : `from ${iso(earliest)} on`;
}

function detailOf(step: RotateStep, { next, nextRow, oldRow, trust }: RotationFacts): string | undefined {
  const since = (timeMs: number | undefined, text: string): string | undefined =>
    timeMs === undefined ? undefined : `${text} since ${iso(timeMs)}`;
  switch (step) {
    case 'prepare':
      return `configured, key ${next?.keyFile}`;
    case 'create':
      return nextRow && `${iso(nextRow.createdMs)}, ${entries(nextRow.size)}, ${nextRow.state}`;
    case 'publish':
      return since(trust?.listedSinceMs, 'in the trusted root');
    case 'switch':
      return since(trust?.switchedSinceMs, 'alone in the signing config');
    case 'freeze': {
      const end = trust?.endMs === undefined ? '' : `; its signatures count until ${iso(trust.endMs)}`;
      return oldRow?.since && `frozen since ${iso(oldRow.since.timestampMs)}, ${entries(oldRow.since.size)}${end}`;
    }
  }
}

const BEFORE: Readonly<Record<RotateStep, string>> = {
  prepare: 'choose name and URL of the new log, then:',
  create: 'sigstead config check, then:',
  publish:
    'copy configuration and key file to every machine, restart sigstead serve there, see that the new URL answers, then:',
  switch: 'when every client has the new trusted root:',
  freeze: 'when no client writes to the old log any more:',
};

function nextText(facts: RotationFacts, path: string): string {
  const step = nextStep(facts);
  const { name } = facts.old;
  if (step === undefined)
    return `\nThe rotation is over. Leave ${name} where it is: its tiles and its last checkpoint are served on.\n`;
  const more = step === 'prepare' ? ' --to NAME --url URL' : step === 'freeze' ? ` --confirm ${name}` : '';
  return `\nNext, ${BEFORE[step]}\n  sigstead log rotate --config ${shellWord(path)} --step ${step}${more} ${name}\n`;
}

/** For a publisher elsewhere, which has its own configuration: what to say there of the two logs. */
export function linesElsewhere({ facts, materials }: RotationGround, step: 'publish' | 'switch' | 'freeze'): string {
  const { old, next, oldRow, nextRow } = facts;
  const signer = materials.logs.get(next?.name ?? '')?.signer;
  if (next === undefined || nextRow === undefined || signer === undefined) return '';
  const end = oldRow?.since && windowEndMs(oldRow.since);
  const entry = (url: string, more: string): string => `      - url: ${JSON.stringify(url)}\n${more}`;
  const oldMore = step === 'freeze' && end !== undefined ? `        validUntil: ${iso(end)}\n` : '';
  const isNew = step !== 'publish';
  return `This configuration publishes no trust root. Where it is published, these are the two logs now (sigstead serve takes it at its next start):

  alsoTrust:
    rekorLogs:
${entry(old.publicUrl, `        # publicKeyFile and validFrom as they are\n${oldMore}        sign: ${!isNew}\n`)}\
${entry(next.publicUrl, `        publicKeyFile: ${next.name}.pub.pem\n        validFrom: ${iso(Math.floor(nextRow.createdMs / 1000) * 1000)}\n        sign: ${isNew}\n`)}
${next.name}.pub.pem:
${encodePem('PUBLIC KEY', signer.spki)}`;
}
