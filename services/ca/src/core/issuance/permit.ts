import { CaError, messageOf } from '../errors.ts';
import { readTbs } from './lint-read.ts';
import { LINT_RULES, type LintExpectation } from './lint-rules.ts';

/** Known to this module only: without it no permit can be made. */
const MINT = Symbol('permit');

/**
 * The right to have exactly these bytes signed. Only `lint` gives one out, after every rule held; nothing else in the
 * service can reach the signer (see sign.ts, which takes nothing but permits that were recorded).
 */
export class SigningPermit {
  readonly kind: 'precertificate' | 'certificate';
  readonly serial: Uint8Array;
  readonly #tbs: Uint8Array;

  constructor(mint: symbol, what: { kind: SigningPermit['kind']; serial: Uint8Array; tbs: Uint8Array }) {
    if (mint !== MINT) throw new CaError('lint_failed', { detail: 'a permit was made without lint' });
    this.kind = what.kind;
    this.serial = what.serial;
    this.#tbs = what.tbs;
    Object.freeze(this);
  }

  /** The permitted bytes, as a copy: changing it changes nothing. */
  tbs(): Uint8Array {
    return this.#tbs.slice();
  }
}

/**
 * Reads `tbs` back and holds every rule against it. Throws `lint_failed`, naming the rule and its clause for the
 * operator.
 */
export function lint(tbs: Uint8Array, expected: LintExpectation): SigningPermit {
  // What is read is what will be signed, whatever happens to the caller's bytes (the `slice` of a Buffer is no copy).
  const bytes = new Uint8Array(tbs);
  const read = guarded('readable', 'X.690 §10', () => readTbs(bytes));
  for (const rule of LINT_RULES) {
    if (!guarded(rule.id, rule.clause, () => rule.holds(read, expected))) throw broken(rule.id, rule.clause);
  }
  const kind = expected.last === 'poison' ? 'precertificate' : 'certificate';
  return new SigningPermit(MINT, { kind, serial: read.serial.slice(), tbs: bytes });
}

function guarded<T>(id: string, clause: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw broken(id, `${clause}: ${messageOf(error)}`);
  }
}

function broken(id: string, detail: string): CaError {
  return new CaError('lint_failed', { detail: `certificate breaks rule ${id} (${detail})` });
}
