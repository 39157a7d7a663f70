/** Turns any value into plain JSON data that is safe to log: bounded in depth, width and length, without secrets. */

const MAX_DEPTH = 5;
const MAX_MEMBERS = 50;
const MAX_TEXT = 4096;
const REDACTED = '[redacted]';

const SECRET_NAME =
  /token|authorization|password|passwd|secret|private|cookie|credential|passphrase|apikey|api_key|^pem$/i;
const SECRET_SHAPES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g,
  /(?<=\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:)[^\s/@]{1,200}(?=@)/gi,
];

export function describeValue(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return describeText(value);
    case 'bigint':
      return value.toString();
    case 'undefined':
    case 'function':
    case 'symbol':
      return undefined;
    case 'object':
      return value === null ? null : describeObject(value, depth);
    default:
      return value;
  }
}

function describeText(text: string): string {
  // Cut first, so that a huge text costs no huge search; a secret cut in half still matches its open-ended pattern.
  let out = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
  for (const shape of SECRET_SHAPES) out = out.replace(shape, REDACTED);
  return out;
}

function describeObject(value: object, depth: number): unknown {
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => describeValue(item, depth + 1));
  const out: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value).slice(0, MAX_MEMBERS)) {
    out[name] = SECRET_NAME.test(name) && member !== undefined ? REDACTED : describeValue(member, depth + 1);
  }
  return out;
}

/** The operator sees name, code, detail, stack and the chain of causes. */
function describeError(error: Error, depth: number): unknown {
  if (depth >= MAX_DEPTH) return describeText(error.message);
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  const described = {
    name: error.name,
    message: describeText(error.message),
    code: describeValue(code, depth + 1),
    detail: describeValue(detail, depth + 1),
    stack: error.stack === undefined ? undefined : describeText(error.stack),
    cause: describeValue(error.cause, depth + 1),
    errors: error instanceof AggregateError ? describeValue(error.errors, depth + 1) : undefined,
  };
  return described;
}
