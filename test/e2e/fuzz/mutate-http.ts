import { mutateBytes } from './mutate-bytes.ts';
import { mutateJson } from './mutate-json.ts';
import { mutateText } from './mutate-text.ts';
import type { Random } from './random.ts';
import { encode, type Shot, type Wire, withHeader } from './wire.ts';

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'SEARCH',
  'QUERY',
  'LINK',
];

const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'application/JSON;;;',
  'text/plain',
  'application/timestamp-query',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=',
  'multipart/form-data',
  'application/grpc',
  '/',
  '*/*',
  ';',
  'x'.repeat(4000),
  'application/json, text/plain',
];

const HEADERS: readonly (readonly [string, string])[] = [
  ['Accept', 'text/html'],
  ['Accept', '*/*;q=0'],
  ['Accept', 'x/y, '.repeat(500)],
  ['Accept-Encoding', 'gzip, br;q=1.0, *;q=0'],
  ['Content-Encoding', 'gzip'],
  ['Authorization', 'Bearer'],
  ['Authorization', 'Bearer x.y.z'],
  ['Authorization', 'Basic Og=='],
  ['Authorization', `Bearer ${'a'.repeat(12_000)}`],
  ['Origin', 'https://evil.example'],
  ['Origin', 'null'],
  ['Host', 'evil.example:99999'],
  ['Host', ''],
  ['Cookie', 'a=b; '.repeat(600)],
  ['Range', 'bytes=0-0,5-'],
  ['If-None-Match', '*'],
  ['If-None-Match', '"'.repeat(3000)],
  ['Expect', '100-continue'],
  ['Expect', 'something'],
  ['Upgrade', 'websocket'],
  ['X-Http-Method-Override', 'DELETE'],
  ['X-Forwarded-For', '::1'],
  ['Grpc-Timeout', '99999999H'],
  ['Grpc-Timeout', '1n'],
  ['Grpc-Timeout', '-5S'],
  ['Grpc-Timeout', 'soon'],
  ['Grpc-Metadata-X', '\xff\xfe'],
  ['Sec-Fetch-Site', 'cross-site'],
  ['Access-Control-Request-Method', 'POST'],
  ['Access-Control-Request-Headers', 'authorization'],
  ['Transfer-Encoding', 'identity'],
  ['Connection', 'keep-alive, x-y'],
  ['Keep-Alive', 'timeout=99999'],
  ['X-Big', 'x'.repeat(20_000)],
];

const TARGETS: readonly ((target: string, random: Random) => string)[] = [
  (target) => `${target}/`,
  (target) => `/${target}`,
  (target) => target.toUpperCase(),
  (target) => target.replace(/\/([^/]*)$/, '//$1'),
  (target) => target.replace(/\/([^/]*)$/, '/./$1'),
  (target) => `${target}/../..`,
  (target) => `${target}%2f..%2f..%2fx`,
  (target) => `${target}%00`,
  (target) => `${target}%`,
  (target) => `${target}%zz`,
  (target) => `${target}%c0%af%ff`,
  (target) => `${target};a=b`,
  (target) => `${target}?${'a=b&'.repeat(1000)}`,
  (target) => `${target}?x=%ff&x[]=1&__proto__=1`,
  (target) => `${target}#fragment`,
  (target) => `${target}/${'a/'.repeat(3000)}`,
  (target) => target.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (target) => `http://localhost${target}`,
  (target) => `ftp://localhost${target}`,
  (target) => target.slice(1),
  () => '*',
  () => '/',
  (target, random) =>
    target.replace(/\d+/g, () => random.pick(['-1', '0', '1', '007', '9007199254740993', '1e3', '٣', ''])),
  (target, random) =>
    target.replace(/=[^&]*/g, () => `=${encodeURIComponent(random.pick(['', '-1', 'é', '\0', '1.5', 'A=']))}`),
  (target, random) => encodeURI(mutateText(target, random).toWellFormed()).slice(0, 8000),
  (target, random) => target.slice(0, random.below(target.length) + 1),
];

/** A request of the seed with one or more things changed, as bytes for the socket. */
export function mutate(seed: Wire, others: readonly Wire[], random: Random, name: string): Shot {
  const roll = random.next();
  const label = `${name}: ${seed.method} ${seed.target.slice(0, 60)}`;
  if (roll < 0.08) return encode(seed, label);
  if (roll < 0.18) return torn(encode(seed, label), random);
  let wire = seed;
  if (random.chance(seed.body.length > 0 ? 0.7 : 0.1)) wire = changedBody(wire, others, random);
  if (random.chance(0.25)) wire = changedHeaders(wire, random);
  if (random.chance(seed.body.length > 0 ? 0.12 : 0.6))
    wire = { ...wire, target: usable(random.pick(TARGETS)(wire.target, random)) };
  if (random.chance(0.12)) wire = { ...wire, method: random.pick(METHODS) };
  if (random.chance(0.1)) wire = { ...wire, chunked: true };
  return encode(wire, label);
}

/** A space or line end in it would be another request line: that is the business of `torn`. */
function usable(target: string): string {
  return target.replace(/[\s\0-\x1f\x7f]/g, '_') || '/';
}

function changedBody(wire: Wire, others: readonly Wire[], random: Random): Wire {
  const text = wire.body.toString('utf8');
  const roll = random.next();
  if (roll < 0.08) return { ...wire, body: random.pick(others).body };
  const json = roll < 0.75 ? mutateJson(text, random) : undefined;
  if (json !== undefined) return { ...wire, body: Buffer.from(json, random.chance(0.03) ? 'utf16le' : 'utf8') };
  if (roll < 0.6 && text.includes('=')) return { ...wire, body: Buffer.from(mutateForm(text, random)) };
  return { ...wire, body: mutateBytes(wire.body, random) };
}

function mutateForm(text: string, random: Random): string {
  const params = [...new URLSearchParams(text)];
  const at = random.below(params.length);
  const changed = params.map(([name, value], i): [string, string] => [
    name,
    i === at ? mutateText(value, random) : value,
  ]);
  if (random.chance(0.2)) changed.splice(at, 1);
  if (random.chance(0.2)) changed.push(random.pick(params));
  return new URLSearchParams(changed).toString();
}

function changedHeaders(wire: Wire, random: Random): Wire {
  if (random.chance(0.35)) return withHeader(wire, 'Content-Type', random.pick(TYPES));
  if (random.chance(0.15)) return { ...wire, headers: wire.headers.filter(() => random.chance(0.4)) };
  const authorization = wire.headers.find(([name]) => name === 'Authorization');
  if (authorization !== undefined && random.chance(0.5)) {
    const value = `Bearer ${mutateText(authorization[1].slice(7), random)}`.replace(/[^\x20-\x7e]/g, '?');
    return withHeader(wire, 'Authorization', value);
  }
  const [name, value] = random.pick(HEADERS);
  // Once more, or in its place.
  return random.chance(0.3)
    ? { ...wire, headers: [...wire.headers, [name, value], [name, value]] }
    : withHeader(wire, name, value);
}

/** Framing and request line broken on purpose: the server may wait for more, or just end the connection. */
function torn(shot: Shot, random: Random): Shot {
  const text = shot.bytes;
  const head = text.indexOf('\r\n\r\n');
  const inHead = (change: (lines: string) => string): Buffer =>
    Buffer.concat([Buffer.from(change(text.subarray(0, head).toString('latin1')), 'latin1'), text.subarray(head)]);
  const bytes = random.pick([
    () => text.subarray(0, random.below(text.length)),
    () => mutateBytes(text, random),
    () => Buffer.concat([mutateBytes(text.subarray(0, head), random), text.subarray(head)]),
    () => inHead((lines) => lines.replace(/Content-Length: \d+/, `Content-Length: ${random.below(10_000)}`)),
    () => inHead((lines) => lines.replace(/Content-Length: \d+/, 'Content-Length: -1')),
    () => inHead((lines) => lines.replace(/Content-Length: \d+/, 'Content-Length: 1e9')),
    () => inHead((lines) => `${lines}\r\nContent-Length: 3`),
    () => inHead((lines) => `${lines}\r\nTransfer-Encoding: chunked`),
    () => inHead((lines) => lines.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked, identity')),
    () => inHead((lines) => lines.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')),
    () =>
      inHead((lines) => lines.replace('HTTP/1.1', random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', '', 'http/1.1']))),
    () => inHead((lines) => lines.replace('Host: localhost\r\n', '')),
    () => inHead((lines) => `${lines}\r\nHost: other`),
    () => inHead((lines) => `${lines}\r\n folded: x`),
    () => inHead((lines) => `${lines}\r\nno colon`),
    () => inHead((lines) => `${lines}\r\nna me: x`),
    () => inHead((lines) => `${lines}\r\nx: a\0b`),
    () => inHead((lines) => lines.replaceAll('\r\n', '\n')),
    () => inHead((lines) => `${lines}${'\r\nx: y'.repeat(3000)}`),
    () => Buffer.concat([text, text, text]),
    () => Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), text]),
    () => Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0]), random.bytes(200)]),
    () => Buffer.from('CONNECT localhost:80 HTTP/1.1\r\nHost: x\r\n\r\n'),
    () => random.bytes(random.below(500)),
  ])();
  return { bytes, whole: false, label: `torn ${shot.label}` };
}
