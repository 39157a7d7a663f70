const EXPIRES = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Expiry as TUF writes it: whole seconds, rounded down, `Z`. Fractions break the signature in Go and Python. */
export function formatExpires(timeMs: number): string {
  return new Date(Math.floor(timeMs / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

/** Milliseconds of an `expires` text; undefined for any other spelling. SPEC: TUF specification §4.2.1 */
export function parseExpires(text: unknown): number | undefined {
  if (typeof text !== 'string' || !EXPIRES.test(text)) return undefined;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) || formatExpires(timeMs) !== text ? undefined : timeMs;
}
