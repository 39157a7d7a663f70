import { isCollection, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { placeAt, type Schema } from './schema.ts';

const MAX_TEXT = 2 ** 20;
const MAX_NODES = 20_000;
const MAX_DEPTH = 32;

/**
 * Reads one YAML document strictly: no unknown or repeated key, no anchor, alias, tag or merge, every value of its
 * kind. @throws {ConfigError} with every problem, its path and its line
 */
export function parseConfig<T>(yamlText: string, schema: Schema<T>): T {
  if (yamlText.length > MAX_TEXT) throw new ConfigError([{ path: '', message: 'longer than 1 MiB' }]);
  const lines = new LineCounter();
  const document = readDocument(yamlText, lines);
  const problems: ConfigProblem[] = [];
  const root = placeAt('', (path, message) => {
    const line = lineOf(document, path, lines);
    problems.push({ path, message, ...(line === undefined ? {} : { line }) });
  });
  const value = schema.read(document.toJS({ maxAliasCount: 0 }), root);
  if (problems.length > 0) throw new ConfigError(problems);
  return value;
}

function readDocument(text: string, lineCounter: LineCounter): Document {
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    strict: true,
    lineCounter,
  });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined) throw new ConfigError([{ path: '', message: 'the configuration is empty' }]);
  if (second !== undefined) throw new ConfigError([{ path: '', message: 'more than one YAML document' }]);
  const faults = [...document.errors, ...document.warnings].map((error): ConfigProblem => {
    const line = error.linePos?.[0].line;
    return { path: '', message: error.message.split('\n', 1)[0] ?? '', ...(line === undefined ? {} : { line }) };
  });
  if (faults.length > 0) throw new ConfigError(faults);
  refuseCleverness(document, lineCounter);
  return document;
}

/** What makes two readers see two documents, or a small text a huge one, has no place here. */
function refuseCleverness(document: Document, lineCounter: LineCounter): void {
  let nodes = 0;
  const refuse = (node: { range?: readonly number[] | null | undefined }, message: string): never => {
    throw new ConfigError([{ path: '', line: lineCounter.linePos(node.range?.[0] ?? 0).line, message }]);
  };
  visit(document, {
    Alias: (_key, node) => refuse(node, 'aliases are not allowed'),
    Node: (_key, node, path) => {
      nodes += 1;
      if (node.tag !== undefined) refuse(node, 'tags are not allowed');
      if (nodes > MAX_NODES || path.length > 2 * MAX_DEPTH) refuse(node, 'too large or too deep');
      if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) refuse(node, 'anchors are not allowed');
    },
    Pair: (_key, pair) => {
      if (!isScalar(pair.key) || typeof pair.key.value !== 'string') refuse(pair.key as never, 'a key must be a text');
      if (isScalar(pair.key) && pair.key.value === '__proto__') refuse(pair.key, 'a key may not be __proto__');
    },
  });
}

/** The line of the value at a path such as `logs[1].origin`; of its nearest parent when it is missing. */
function lineOf(document: Document, path: string, lineCounter: LineCounter): number | undefined {
  let node: unknown = document.contents;
  let range: readonly number[] | null | undefined;
  for (const step of path.match(/[^.[\]]+/g) ?? []) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (pair === undefined) return undefined;
      range = isScalar(pair.key) ? pair.key.range : undefined;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (isCollection(node) || isScalar(node)) range = node.range;
    }
  }
  return range === undefined || range === null ? undefined : lineCounter.linePos(range[0] ?? 0).line;
}
