import { isMap, isSeq, LineCounter, parseDocument } from 'yaml';

/** Where another item of a list can be written into a YAML text, and what its neighbour holds. */
export interface ListItem {
  /** As written: nothing is filled in. */
  readonly value: unknown;
  /** Puts lines of a new item below this one: the first after `- `, the others below it. Everything else stays as it is. */
  insertBelow(lines: readonly string[]): string;
}

/**
 * One item of a block list at the top of a text that parseConfig() has accepted. Undefined when it is written in a way that
 * lines cannot simply be added to, such as `logs: [{…}]`.
 */
export function findListItem(yamlText: string, list: string, index: number): ListItem | undefined {
  const counter = new LineCounter();
  const document = parseDocument(yamlText, { version: '1.2', schema: 'core', lineCounter: counter });
  const items = isMap(document.contents) ? document.contents.get(list, true) : undefined;
  if (!isSeq(items) || items.flow === true) return undefined;
  const item = items.items[index];
  const next = items.items[index + 1];
  if (!isMap(item) || !item.range) return undefined;
  const dashAt = dashBefore(yamlText, item.range[0]);
  if (dashAt === undefined) return undefined;
  const indent = ' '.repeat(counter.linePos(dashAt).col - 1);
  const nextDash = isMap(next) && next.range ? dashBefore(yamlText, next.range[0]) : undefined;
  const end = endOfItem(yamlText, item.range[1], nextDash);
  return {
    value: item.toJS(document),
    insertBelow(lines) {
      const text = lines.map((line, i) => `${indent}${i === 0 ? '- ' : '  '}${line}\n`).join('');
      const before = yamlText.slice(0, end);
      return `${before}${before.endsWith('\n') ? '' : '\n'}${text}${yamlText.slice(end)}`;
    },
  };
}

/** Offset of the dash that begins the item at `start`; comments may stand between the two. */
function dashBefore(text: string, start: number): number | undefined {
  const lines = text.slice(0, start).split('\n');
  let at = start;
  for (const [back, line] of lines.toReversed().entries()) {
    at -= line.length + (back === 0 ? 0 : 1);
    const dash = /^(\s*)-(?:\s|$)/.exec(line)?.[1];
    if (dash !== undefined) return at + dash.length;
    if (back > 0 && !/^\s*(?:#.*)?$/.test(line)) return undefined;
  }
  return undefined;
}

/** Behind the last line that belongs to the item: its value's, with a comment at that line's end. Never beyond the next item. */
function endOfItem(text: string, valueEnd: number, nextDash: number | undefined): number {
  // The value of a block map may end at the start of the line that follows it.
  const at = text[valueEnd - 1] === '\n' ? valueEnd - 1 : valueEnd;
  const lineEnd = text.indexOf('\n', at);
  const end = lineEnd < 0 ? text.length : lineEnd + 1;
  return nextDash === undefined ? end : Math.min(end, text.lastIndexOf('\n', nextDash) + 1);
}
