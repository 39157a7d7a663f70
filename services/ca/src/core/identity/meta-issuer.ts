/**
 * Whether `issuer` fits a pattern in which each `*` stands for one or more of `[-_a-zA-Z0-9]` (no dot, no slash) and
 * everything else for itself, from the first to the last character.
 */
export function matchesPattern(pattern: string, issuer: string): boolean {
  const literals = pattern.split('*');
  let pos = 0;
  for (const [index, literal] of literals.entries()) {
    if (index > 0) {
      const run = /^[-_a-zA-Z0-9]+/.exec(issuer.slice(pos))?.[0].length ?? 0;
      pos = afterWildcard(issuer, { from: pos, run, literal, isLast: index === literals.length - 1 });
      if (pos < 0) return false;
    } else if (!issuer.startsWith(literal)) return false;
    else pos = literal.length;
  }
  return pos === issuer.length;
}

/** Offset after the wildcard and the literal behind it, -1 when they do not fit. The shortest fit is enough: runs cannot cross `.`, `/` or `:`. */
function afterWildcard(issuer: string, step: { from: number; run: number; literal: string; isLast: boolean }): number {
  const { from, run, literal, isLast } = step;
  if (isLast) {
    const at = issuer.length - literal.length;
    return at > from && at <= from + run && issuer.endsWith(literal) ? issuer.length : -1;
  }
  const at = issuer.indexOf(literal, from + 1);
  return at > from && at <= from + run ? at + literal.length : -1;
}
