import { mutateBytes } from '../e2e/fuzz/mutate-bytes.ts';
import type { Random } from '../e2e/fuzz/random.ts';

/** DER as a tree that may be written down wrong on purpose. */
interface Node {
  readonly tag: number;
  /** What is in it, or undefined for a leaf. */
  readonly children: readonly Node[] | undefined;
  readonly content: Buffer;
  /** How its length is written; `right` is DER. */
  readonly length: LengthForm;
}

type LengthForm = 'right' | 'long' | 'indefinite' | 'less' | 'more' | 'huge';

const ODD_FORMS: readonly LengthForm[] = ['long', 'indefinite', 'less', 'more', 'huge'];
const TAGS = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x30, 0x31, 0x80, 0xa0, 0xa3, 0x1f, 0xff,
];
const MOST_NODES = 400;
const MOST_ADDED_BYTES = 16 * 1024;

/** One to three changes of the tree, its lengths put right again; undefined when the input is no DER to begin with. */
export function mutateDer(der: Uint8Array, random: Random): Buffer | undefined {
  let roots = treeOf(der);
  if (roots.length === 0) return undefined;
  for (let times = 1 + random.below(3); times > 0; times--) roots = changedList(roots, random);
  return Buffer.concat(roots.map(write));
}

/** Seeds are changed again and again, and read once. */
const trees = new WeakMap<Uint8Array, readonly Node[]>();

/** Empty for what is no DER. */
function treeOf(der: Uint8Array): readonly Node[] {
  const known = trees.get(der);
  if (known !== undefined) return known;
  const tree = readAll(Buffer.from(der), { nodes: 0 }, 0) ?? [];
  trees.set(der, tree);
  return tree;
}

function readAll(bytes: Buffer, counted: { nodes: number }, depth: number): Node[] | undefined {
  const nodes: Node[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (counted.nodes++ > MOST_NODES || depth > 20) return undefined;
    const tag = bytes[at] ?? 0;
    const [length, start] = lengthAt(bytes, at + 1);
    if (start + length > bytes.length) return undefined;
    const content = bytes.subarray(start, start + length);
    nodes.push({ tag, content, children: childrenOf(tag, content, counted, depth), length: 'right' });
    at = start + length;
  }
  return nodes;
}

/** Also inside of OCTET STRINGs, where extensions keep theirs. */
function childrenOf(tag: number, content: Buffer, counted: { nodes: number }, depth: number): Node[] | undefined {
  if ((tag & 0x20) === 0 && tag !== 0x04) return undefined;
  const children = readAll(content, counted, depth + 1);
  return tag === 0x04 && children?.length === 0 ? undefined : children;
}

function lengthAt(bytes: Buffer, at: number): [length: number, start: number] {
  const first = bytes[at] ?? 0xff;
  if (first < 0x80) return [first, at + 1];
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4 || at + 1 + octets > bytes.length) return [Number.POSITIVE_INFINITY, at];
  return [bytes.readUIntBE(at + 1, octets), at + 1 + octets];
}

function changedList(nodes: readonly Node[], random: Random): Node[] {
  const at = random.below(nodes.length);
  const node = nodes[at];
  if (node === undefined) return [...nodes];
  if (node.children !== undefined && node.children.length > 0 && random.chance(0.85)) {
    return nodes.with(at, { ...node, children: changedList(node.children, random) });
  }
  return random.pick([
    () => nodes.toSpliced(at, 1),
    () => nodes.toSpliced(at, 0, node),
    () => nodes.toSpliced(at, 1, random.pick(nodes)),
    () => nodes.toReversed(),
    () => nodes.with(at, { ...node, tag: random.pick(TAGS) }),
    () => nodes.with(at, { ...node, length: random.pick(ODD_FORMS) }),
    () => nodes.with(at, { ...node, children: undefined, content: mutateBytes(Buffer.from(contentOf(node)), random) }),
    () => nodes.with(at, { ...node, children: undefined, content: Buffer.alloc(0) }),
    () => nodes.with(at, nested(node, 1 + random.below(timesOf(node, 60)))),
    () => nodes.toSpliced(at, 1, ...Array.from({ length: random.below(timesOf(node, 200)) }, () => node)),
  ])();
}

/** What is long is repeated less: the input is to be hostile, not large. */
function timesOf({ content }: Node, most: number): number {
  return Math.max(2, Math.min(most, Math.floor(MOST_ADDED_BYTES / (content.length + 1))));
}

function nested(node: Node, levels: number): Node {
  let inner = node;
  for (let level = 0; level < levels; level++) {
    inner = { tag: 0x30, children: [inner], content: Buffer.alloc(0), length: 'right' };
  }
  return inner;
}

function contentOf(node: Node): Buffer {
  return node.children === undefined ? node.content : Buffer.concat(node.children.map(write));
}

function write(node: Node): Buffer {
  const content = contentOf(node);
  const end = node.length === 'indefinite' ? Buffer.of(0, 0) : Buffer.alloc(0);
  return Buffer.concat([Buffer.of(node.tag), lengthOctets(content.length, node.length), content, end]);
}

function lengthOctets(length: number, form: LengthForm): Buffer {
  switch (form) {
    case 'right':
      return right(length);
    case 'less':
      return right(Math.max(0, length - 1));
    case 'more':
      return right(length + 1);
    case 'indefinite':
      return Buffer.of(0x80);
    case 'huge':
      return Buffer.of(0x84, 0xff, 0xff, 0xff, 0xff);
    case 'long': {
      const octets = Buffer.alloc(5);
      octets[0] = 0x84;
      octets.writeUInt32BE(length, 1);
      return octets;
    }
  }
}

function right(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const octets = length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
  const bytes = Buffer.alloc(1 + octets);
  bytes[0] = 0x80 | octets;
  bytes.writeUIntBE(length, 1, octets);
  return bytes;
}
