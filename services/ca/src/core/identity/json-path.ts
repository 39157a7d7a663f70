import type { ClaimMap, ClaimValue } from './claims.ts';

/**
 * The part of JSONPath that names one claim: `$`, then `.name`, `['name']`, `["name"]` or `[0]` steps.
 * SPEC: RFC 9535 §2.5.1 (singular queries).
 */
export type JsonPath = readonly (string | number)[];

const STEP = /^(?:\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\['([^'\\]*)'\]|\["([^"\\]*)"\]|\[(\d{1,6})\])/;

/** Undefined when `text` is no such path. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith('$') || text.length > 1024) return undefined;
  const steps: (string | number)[] = [];
  for (let rest = text.slice(1); rest !== ''; ) {
    const match = STEP.exec(rest);
    if (match === null) return undefined;
    steps.push(match[4] === undefined ? (match[1] ?? match[2] ?? match[3] ?? '') : Number(match[4]));
    rest = rest.slice(match[0].length);
  }
  return steps.length > 0 ? steps : undefined;
}

/** The claim at `path`, undefined when there is none. */
export function claimAt(claims: ClaimMap, path: JsonPath): ClaimValue | undefined {
  let current: ClaimValue | undefined = claims;
  for (const step of path) {
    if (current instanceof Map) current = current.get(String(step)) as ClaimValue | undefined;
    else if (Array.isArray(current) && typeof step === 'number') current = current[step] as ClaimValue | undefined;
    else return undefined;
  }
  return current;
}
