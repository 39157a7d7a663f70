/** A media type taken apart; type and subtype in lower case. */
export interface MediaType {
  type: string;
  subtype: string;
  params: ReadonlyMap<string, string>;
}

/** `reason` is the text Go's mime package gives for the same input. */
export type MediaTypeResult =
  | { ok: true; essence: string; params: Map<string, string> }
  | { ok: false; reason: string };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;

/**
 * A media type with its parameters, judged as Go's mime package judges it: upstream's answers quote its reasons.
 * `essence` may lack the slash; that is the caller's rule.
 * SPEC: RFC 9110 §8.3.1, RFC 2045 §5.1
 */
export function parseMediaType(text: string): MediaTypeResult {
  const cut = text.indexOf(';');
  const base = cut < 0 ? text : text.slice(0, cut);
  const essence = base.trim().toLowerCase();
  const fault = essenceFault(essence);
  if (fault !== undefined) return { ok: false, reason: fault };
  return parseParams(essence, cut < 0 ? '' : text.slice(cut));
}

function essenceFault(essence: string): string | undefined {
  const type = TOKEN.exec(essence)?.[0];
  if (type === undefined) return 'mime: no media type';
  const rest = essence.slice(type.length);
  if (rest === '') return undefined;
  if (!rest.startsWith('/')) return 'mime: expected slash after first token';
  const subtype = TOKEN.exec(rest.slice(1))?.[0];
  if (subtype === undefined) return 'mime: expected token after slash';
  return rest.length > subtype.length + 1 ? 'mime: unexpected content after media subtype' : undefined;
}

function parseParams(essence: string, text: string): MediaTypeResult {
  const params = new Map<string, string>();
  for (let rest = text.trimStart(); rest !== ''; rest = rest.trimStart()) {
    const param = takeParam(rest);
    if (param === undefined) {
      if (rest.trim() === ';') break;
      return { ok: false, reason: 'mime: invalid media parameter' };
    }
    const known = params.get(param.name);
    if (known !== undefined && known !== param.value) return { ok: false, reason: 'mime: duplicate parameter name' };
    params.set(param.name, param.value);
    rest = param.rest;
  }
  return { ok: true, essence, params };
}

function takeParam(text: string): { name: string; value: string; rest: string } | undefined {
  const afterSemicolon = text.startsWith(';') ? text.slice(1).trimStart() : '';
  const name = TOKEN.exec(afterSemicolon)?.[0];
  if (name === undefined) return undefined;
  const afterName = afterSemicolon.slice(name.length).trimStart();
  if (!afterName.startsWith('=')) return undefined;
  const value = takeValue(afterName.slice(1).trimStart());
  return value && { name: name.toLowerCase(), ...value };
}

/** A token or a quoted string; undefined when it is neither. */
function takeValue(text: string): { value: string; rest: string } | undefined {
  if (!text.startsWith('"')) {
    const token = TOKEN.exec(text)?.[0];
    return token === undefined ? undefined : { value: token, rest: text.slice(token.length) };
  }
  // A backslash escapes only what would otherwise need quoting.
  const match = /^"((?:\\[()<>@,;:\\"/[\]?=]|[^"\r\n])*?)"/.exec(text);
  if (match === null) return undefined;
  return { value: (match[1] ?? '').replace(/\\([()<>@,;:\\"/[\]?=])/g, '$1'), rest: text.slice(match[0].length) };
}
