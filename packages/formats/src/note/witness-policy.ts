import { FormatError } from '../errors.ts';
import { verifyNote } from './keys.ts';
import { type Note, parseNote } from './note.ts';
import { readPolicyLines, type PolicyLine, policyProblem } from './policy-lines.ts';
import { parseVerifierKey, type VerifierKey, verifierKey, verifierOf } from './vkey.ts';

export interface PolicyLog {
  readonly key: VerifierKey;
  readonly url?: string;
}

/** `name` is the policy's own; the cosigner's name stands in `key` (always of type cosignature-v1). */
export interface PolicyWitness {
  readonly name: string;
  readonly key: VerifierKey;
  /** as written; by custom the submission prefix */
  readonly url?: string;
}

/** A group has witnessed what `threshold` of its members have witnessed; 0 stands for `quorum none`. */
export type PolicyNode =
  | { readonly kind: 'witness'; readonly witness: PolicyWitness }
  | {
      readonly kind: 'group';
      readonly name: string;
      readonly threshold: number;
      readonly members: readonly PolicyNode[];
    };

export interface WitnessPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: PolicyNode;
}

const MAX_DEFINITIONS = 1000;
const THRESHOLD = /^[1-9][0-9]{0,3}$/;
const NO_QUORUM: PolicyNode = { kind: 'group', name: 'none', threshold: 0, members: [] };

/** The definitions of a policy as they are read, line by line. */
class PolicyReader {
  readonly logs: PolicyLog[] = [];
  readonly witnesses: PolicyWitness[] = [];
  quorum: PolicyNode | undefined;
  private readonly defined = new Map<string, PolicyNode>();
  private readonly members = new Set<string>();
  private readonly keys = { log: new Map<string, number>(), witness: new Map<string, number>() };

  read(line: PolicyLine): void {
    switch (line.words[0]) {
      case 'log':
        return this.readLog(line);
      case 'witness':
        return this.readWitness(line);
      case 'group':
        return this.readGroup(line);
      case 'quorum':
        return this.readQuorum(line);
      default:
        throw line.problem(`unknown keyword ${line.shown(0)}; known are log, witness, group and quorum`);
    }
  }

  private readLog(line: PolicyLine): void {
    line.expect({ least: 2, most: 3, form: 'log <vkey> [<url>]' });
    const key = readKey(line, 1);
    if (key.type === 'cosignature-v1') throw line.problem('a cosigner key (type 4) is no log key');
    this.noteKey('log', key, line);
    const url = line.utf8(2);
    this.logs.push({ key, ...(url === undefined ? {} : { url }) });
  }

  private readWitness(line: PolicyLine): void {
    line.expect({ least: 3, most: 4, form: 'witness <name> <vkey> [<url>]' });
    const key = asCosigner(readKey(line, 2), line);
    this.noteKey('witness', key, line);
    const url = line.utf8(3);
    const witness: PolicyWitness = { name: line.shown(1), key, ...(url === undefined ? {} : { url }) };
    this.witnesses.push(witness);
    this.define(line, { kind: 'witness', witness });
  }

  private readGroup(line: PolicyLine): void {
    line.expect({ least: 4, most: 3 + MAX_DEFINITIONS, form: 'group <name> all|any|<number> <member>...' });
    const names = line.words.slice(3);
    const threshold = thresholdOf(line, names.length);
    // All members are looked up before one is taken, and the group's own name is defined last: it cannot hold itself.
    const members = names.map((name, index) => this.memberOf(name, line, 3 + index));
    this.define(line, { kind: 'group', name: line.shown(1), threshold, members });
  }

  private readQuorum(line: PolicyLine): void {
    line.expect({ least: 2, most: 2, form: 'quorum <name>|none' });
    if (this.quorum !== undefined) throw line.problem('a second quorum');
    const name = line.words[1] ?? '';
    this.quorum = name === 'none' ? NO_QUORUM : this.defined.get(name);
    if (this.quorum === undefined) throw line.problem(`no witness or group ${line.shown(1)} above this line`);
  }

  private memberOf(name: string, line: PolicyLine, index: number): PolicyNode {
    const node = this.defined.get(name);
    if (node === undefined) throw line.problem(`no witness or group ${line.shown(index)} above this line`);
    if (this.members.has(name)) throw line.problem(`${line.shown(index)} is a member of a group already`);
    this.members.add(name);
    return node;
  }

  private define(line: PolicyLine, node: PolicyNode): void {
    const name = line.words[1] ?? '';
    if (name === 'none') throw line.problem('the name none is taken: it means no quorum');
    if (this.defined.has(name)) throw line.problem(`a second witness or group ${line.shown(1)}`);
    if (this.defined.size >= MAX_DEFINITIONS) throw line.problem(`over ${MAX_DEFINITIONS} witnesses and groups`);
    this.defined.set(name, node);
  }

  private noteKey(kind: 'log' | 'witness', { key }: VerifierKey, line: PolicyLine): void {
    const id = Buffer.from(key.spki).toString('hex');
    const before = this.keys[kind].get(id);
    if (before !== undefined) throw line.problem(`the same ${kind} key as in line ${before}`);
    if (this.keys[kind].size >= MAX_DEFINITIONS) throw line.problem(`over ${MAX_DEFINITIONS} ${kind} lines`);
    this.keys[kind].set(id, line.number);
  }
}

function readKey(line: PolicyLine, index: number): VerifierKey {
  try {
    return parseVerifierKey(line.utf8(index) ?? '');
  } catch (error) {
    if (error instanceof FormatError) throw line.problem(error.message, error);
    throw error;
  }
}

/** A plain Ed25519 key (type 1) is taken as the cosigner key it is published for, as other readers of policies do. */
function asCosigner(key: VerifierKey, line: PolicyLine): VerifierKey {
  if (key.type === 'cosignature-v1') return key;
  if (key.type === 'ed25519') return verifierKey(key.name, 'cosignature-v1', key.key);
  throw line.problem(`a key of type ${key.type} is no cosigner key`);
}

function thresholdOf(line: PolicyLine, members: number): number {
  const word = line.words[2] ?? '';
  if (word === 'any') return 1;
  if (word === 'all') return members;
  const threshold = THRESHOLD.test(word) ? Number(word) : 0;
  if (threshold < 1 || threshold > members) {
    throw line.problem(`${line.shown(2)} is not all, any or a number from 1 to ${members}, the number of members`);
  }
  return threshold;
}

/**
 * A policy file. `input`: its bytes, or its text. Throws `witness_policy_invalid`, the message beginning with the line.
 * SPEC: C2SP tlog-policy, "Policy file syntax and structure"
 */
export function parseWitnessPolicy(input: Uint8Array | string): WitnessPolicy {
  const reader = new PolicyReader();
  for (const line of readPolicyLines(input)) reader.read(line);
  const { logs, witnesses, quorum } = reader;
  if (quorum === undefined) throw policyProblem('no quorum line: quorum <name>, or quorum none');
  return { logs, witnesses, quorum };
}

/** Whether the witnesses for which `hasCosigned` says so are enough. */
export function isQuorumMet(quorum: PolicyNode, hasCosigned: (witness: PolicyWitness) => boolean): boolean {
  if (quorum.kind === 'witness') return hasCosigned(quorum.witness);
  if (quorum.threshold === 0) return true;
  const met = quorum.members.filter((member) => isQuorumMet(member, hasCosigned));
  return met.length >= quorum.threshold;
}

/** The witnesses that the quorum can hear: those of other lines change nothing. */
export function quorumWitnesses(quorum: PolicyNode): PolicyWitness[] {
  return quorum.kind === 'witness' ? [quorum.witness] : quorum.members.flatMap(quorumWitnesses);
}

export interface PolicyVerdict {
  /** the logs of the policy that signed; empty when it names none */
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorumMet: boolean;
}

/**
 * Who of a policy signed a checkpoint's note, and whether that is enough witnesses. Signatures of others are ignored; a
 * bad one of a key of the policy spoils the note: throws `note_signature_invalid`, and `note_*` for what is no note.
 */
export function evaluateWitnessPolicy(policy: WitnessPolicy, note: string | Note): PolicyVerdict {
  const parsed = typeof note === 'string' ? parseNote(note) : note;
  const signed = (each: PolicyLog | PolicyWitness): boolean => {
    try {
      return verifyNote(parsed, [verifierOf(each.key)]).length > 0;
    } catch (error) {
      if (error instanceof FormatError && error.code === 'note_unsigned') return false;
      throw error;
    }
  };
  const witnesses = policy.witnesses.filter(signed);
  const quorumMet = isQuorumMet(policy.quorum, (witness) => witnesses.includes(witness));
  return { logs: policy.logs.filter(signed), witnesses, quorumMet };
}
