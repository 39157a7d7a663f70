import { isQuorumMet, type PolicyWitness, type WitnessPolicy } from '@sigstead/formats';
import type { Outcome, WitnessAsker } from './asker.ts';
import { linkedSignal } from './linked-signal.ts';
import type { Target } from './target.ts';

export interface Gathered {
  /** In the policy's order. */
  lines: string[];
  quorum: boolean;
}

/**
 * Asks all witnesses at once and resolves as soon as they are enough, all have answered, or the time is up. Those that have
 * not answered yet go on in the background. Never throws.
 */
export async function gatherCosignatures(options: {
  policy: WitnessPolicy;
  askers: readonly WitnessAsker[];
  target: Target;
  timeMs: number;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Each of them ends the round with what there is. */
  ended: readonly AbortSignal[];
  onOutcome: (witness: PolicyWitness, outcome: Outcome) => void;
}): Promise<Gathered> {
  const { policy, askers, target, timeMs, wait, ended, onOutcome } = options;
  const cosigned = new Map<PolicyWitness, string>();
  const isEnough = (): boolean => isQuorumMet(policy.quorum, (witness) => cosigned.has(witness));
  if (isEnough()) return { lines: [], quorum: true };
  using done = linkedSignal(ended);
  const asking = askers.map(async (asker) => {
    const outcome = await asker.cosign(target);
    onOutcome(asker.witness, outcome);
    // What comes after the end is the next round's business.
    if (done.signal.aborted || outcome.kind !== 'cosigned') return;
    cosigned.set(asker.witness, outcome.line);
    if (isEnough()) done.abort();
  });
  await Promise.race([Promise.all(asking), wait(timeMs, done.signal)]);
  done.abort();
  const lines = policy.witnesses.flatMap((witness) => cosigned.get(witness) ?? []);
  return { lines, quorum: isEnough() };
}
