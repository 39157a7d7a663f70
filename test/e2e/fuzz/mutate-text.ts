import { mutateBytes } from './mutate-bytes.ts';
import type { Random } from './random.ts';

const ODD_TEXTS = [
  '',
  ' ',
  '\0',
  'null',
  '-1',
  '1e400',
  '0x10',
  '18446744073709551616',
  '9007199254740993',
  '__proto__',
  'constructor',
  '{{.sub}}',
  "' OR 1=1 --",
  '../../etc',
  'http://[::1]:99999/',
  'é̀ﷺ𝕏',
  '\ud800',
  '%s%n%x',
  '=?utf-8?q?x?=',
];

/** A text as a value of a field: base64, PEM, JWT and URLs are changed on the inside as often as from the outside. */
export function mutateText(text: string, random: Random): string {
  if (random.chance(0.15)) return random.pick(ODD_TEXTS);
  if (random.chance(0.05)) return text.repeat(2 + random.below(40)).slice(0, 200_000);
  if (random.chance(0.04)) return random.pick(['A', 'é', '\0', '[', '0']).repeat(random.below(60_000));
  if (isJwt(text) && random.chance(0.8)) return mutateJwt(text, random);
  if (text.includes('-----BEGIN') && random.chance(0.8)) return mutatePem(text, random);
  if (/^[A-Za-z0-9+/]{8,}={0,2}$/.test(text) && random.chance(0.7)) return mutateBase64(text, random);
  return mutateBytes(Buffer.from(text), random).toString(random.chance(0.5) ? 'utf8' : 'latin1');
}

/** Three parts, the first two JSON: an earlier change may have left less. */
function isJwt(text: string): boolean {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return false;
  try {
    for (const part of text.split('.').slice(0, 2)) JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function mutateBase64(text: string, random: Random): string {
  const bytes = Buffer.from(text, 'base64');
  const inner = bytes.toString('latin1');
  if (inner.includes('-----BEGIN')) return Buffer.from(mutatePem(inner, random), 'latin1').toString('base64');
  const changed = mutateBytes(bytes, random);
  return random.pick([
    () => changed.toString('base64'),
    () => changed.toString('base64url'),
    () => changed.toString('base64').replace(/=+$/, ''),
    () => `${changed.toString('base64')}=`,
    () => changed.toString('hex'),
    () => text.replace(/.{20}/, '$&\n'),
  ])();
}

function mutatePem(text: string, random: Random): string {
  return random.pick([
    () => text.replace(/-----BEGIN [A-Z ]+-----/, '-----BEGIN PRIVATE KEY-----'),
    () => text.replace('-----END', '----END'),
    () => text.replaceAll('\n', random.pick(['', '\r\n', '\r', ' ', '\n\n'])),
    () => text + text,
    () => `Proc-Type: 4,ENCRYPTED\n${text}`,
    () => text.replace(/-----\n/, '-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n'),
    () => inPem(text, random),
    () => inPem(text, random),
    () => inPem(text, random),
  ])();
}

/** Other DER in the same armour. */
function inPem(text: string, random: Random): string {
  return text.replace(
    /(-----BEGIN [A-Z ]+-----\s)([^-]*)(-----END)/,
    (_all, start: string, body: string, end: string) => {
      const changed = mutateBytes(Buffer.from(body, 'base64'), random).toString('base64');
      return `${start}${changed.replace(/.{64}/g, '$&\n')}\n${end}`;
    },
  );
}

function mutateJwt(token: string, random: Random): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const json = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
  const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claim = random.pick(['iss', 'aud', 'sub', 'email', 'email_verified', 'exp', 'nbf', 'iat']);
  return random.pick([
    () =>
      `${text({ ...json(header), alg: random.pick(['none', 'HS256', 'RS512', 'ES256', 'rs256', '']) })}.${payload}.${signature}`,
    () =>
      `${text({ ...json(header), kid: random.pick(['', 'x', '../key', 'k'.repeat(5000)]) })}.${payload}.${signature}`,
    () => `${text({ ...json(header), crit: ['b64'], b64: false })}.${payload}.${signature}`,
    () => `${text({ ...json(header), jku: 'http://127.0.0.1:1/', x5c: [signature], jwk: {} })}.${payload}.${signature}`,
    () =>
      `${header}.${text({ ...json(payload), [claim]: random.pick([null, 0, -1, 1e300, '', [], {}, true]) })}.${signature}`,
    () => `${header}.${payload}.`,
    () => `${header}.${payload}`,
    () => `${token}.${signature}`,
    () => `${header}.${payload}.${mutateBytes(Buffer.from(signature, 'base64url'), random).toString('base64url')}`,
    () => `${header}.${mutateBytes(Buffer.from(payload, 'base64url'), random).toString('base64url')}.${signature}`,
    () => `${mutateBytes(Buffer.from(header, 'base64url'), random).toString('base64url')}.${payload}.${signature}`,
    () => `${header}.${payload.repeat(20)}.${signature}`,
  ])();
}
