import { mutateText } from './mutate-text.ts';
import type { Random } from './random.ts';

/** JSON with room for what no serializer writes: members twice, raw text as a value. */
type Node =
  | { kind: 'object'; members: [string, Node][] }
  | { kind: 'array'; items: Node[] }
  | { kind: 'raw'; text: string };

const ODD_VALUES = [
  'null',
  'true',
  '0',
  '-0',
  '1e400',
  '1.5',
  '123456789012345678901234567890',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '[]',
  '{}',
  '[[[[[[[[[[]]]]]]]]]]',
  '{"__proto__":{"x":1}}',
  '{"@type":"type.googleapis.com/x"}',
  'NaN',
  '+1',
  "'x'",
  '01',
  '',
  '"unended',
  '"\n"',
  '"\\x"',
];
const ODD_NAMES = ['__proto__', 'constructor', '', 'toString', '\0', 'a'.repeat(3000), 'é'];

/** The text of a JSON value with one to three of its nodes changed; undefined when it is no JSON. */
export function mutateJson(text: string, random: Random): string | undefined {
  let root: Node;
  try {
    root = toNode(JSON.parse(text));
  } catch {
    return undefined;
  }
  for (let times = 1 + random.below(3); times > 0; times--) root = changed(root, random);
  const out = toText(root);
  return random.chance(0.08) ? random.pick(FRAMES)(out) : out;
}

const FRAMES: readonly ((text: string) => string)[] = [
  (text) => `﻿${text}`,
  (text) => `${text}${text}`,
  (text) => `${text} x`,
  (text) => `${'['.repeat(20_000)}${text}`,
  (text) => `${'{"a":'.repeat(9_000)}${text}${'}'.repeat(9_000)}`,
  (text) => `[${text}]`,
  (text) => text.slice(0, -1),
  (text) => ` \t\r\n${text}\n`,
  (text) => `/* */${text}`,
];

function toNode(value: unknown): Node {
  if (Array.isArray(value)) return { kind: 'array', items: value.map(toNode) };
  if (typeof value === 'object' && value !== null) {
    return { kind: 'object', members: Object.entries(value).map(([name, inner]) => [name, toNode(inner)]) };
  }
  return { kind: 'raw', text: JSON.stringify(value) };
}

function toText(node: Node): string {
  switch (node.kind) {
    case 'raw':
      return node.text;
    case 'array':
      return `[${node.items.map(toText).join(',')}]`;
    case 'object':
      return `{${node.members.map(([name, inner]) => `${JSON.stringify(name)}:${toText(inner)}`).join(',')}}`;
  }
}

/** Goes down at random and changes the node where it stops. */
function changed(node: Node, random: Random): Node {
  if (node.kind === 'object' && node.members.length > 0) {
    const at = random.below(node.members.length);
    const members = node.members.map((member): [string, Node] => [...member]);
    const [name, inner] = members[at] ?? ['', { kind: 'raw', text: 'null' }];
    if (random.chance(0.7)) members[at] = [name, changed(inner, random)];
    else changeMembers(members, at, random);
    return { kind: 'object', members };
  }
  if (node.kind === 'array' && node.items.length > 0 && random.chance(0.8)) {
    const at = random.below(node.items.length);
    return { kind: 'array', items: node.items.map((item, i) => (i === at ? changed(item, random) : item)) };
  }
  return changedLeaf(node, random);
}

function changeMembers(members: [string, Node][], at: number, random: Random): void {
  const [name, inner] = members[at] ?? ['', { kind: 'raw', text: 'null' }];
  random.pick([
    () => members.splice(at, 1),
    () => members.push([name, inner]),
    () => members.push([name, { kind: 'raw', text: 'null' }]),
    () => members.splice(at, 1, [random.pick(ODD_NAMES), inner]),
    () => members.push([random.pick(ODD_NAMES), inner]),
    () => members.splice(at, 1, [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), inner]),
    () => members.splice(at, 1, [name.toUpperCase(), inner]),
    () => members.splice(at, 1, [name, { kind: 'array', items: [inner, inner] }]),
    () => members.splice(at, 1, [name, { kind: 'object', members: [[name, inner]] }]),
  ])();
}

function changedLeaf(node: Node, random: Random): Node {
  const text = toText(node);
  const value = stringIn(text);
  if (value !== undefined && random.chance(0.75))
    return { kind: 'raw', text: JSON.stringify(mutateText(value, random)) };
  if (/^\d+$/.test(text) && random.chance(0.5)) return { kind: 'raw', text: `${Number(text) + random.below(5) - 2}` };
  return { kind: 'raw', text: random.pick(ODD_VALUES) };
}

/** Undefined for every other value, and for what an earlier change has broken. */
function stringIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
