import { parseMediaType } from './media-type.ts';

interface Range {
  type: string;
  subtype: string;
  quality: number;
  /** 0 any, 1 type, 2 type and subtype, 3 with parameters. */
  specificity: number;
}

/**
 * The offer that the Accept header likes best; `undefined` when none is acceptable. No header: the first offer.
 * Ranges that do not parse are skipped. SPEC: RFC 9110 §12.5.1
 */
export function negotiate(accept: string | undefined, offers: readonly string[]): string | undefined {
  if (accept === undefined) return offers[0];
  const ranges = splitList(accept).flatMap(parseRange);
  let best: { offer: string; range: Range } | undefined;
  for (const offer of offers) {
    for (const range of ranges) {
      if (range.quality > 0 && matches(offer, range) && (best === undefined || better(range, best.range)))
        best = { offer, range };
    }
  }
  return best?.offer;
}

function better(range: Range, than: Range): boolean {
  if (range.quality !== than.quality) return range.quality > than.quality;
  return range.specificity > than.specificity;
}

function matches(offer: string, range: Range): boolean {
  const [type, subtype] = offer.split('/');
  if (range.type === '*') return true;
  return range.type === type && (range.subtype === '*' || range.subtype === subtype);
}

/** At commas outside quotes. A quote opened never fails to match, or each one would read the whole rest again. */
function splitList(text: string): string[] {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*(?:"|\\?$)|[^",])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function parseRange(text: string): Range[] {
  const parsed = parseMediaType(text);
  if (!parsed.ok || !parsed.essence.includes('/')) return [];
  const [type = '', subtype = ''] = parsed.essence.split('/');
  const quality = parseQuality(parsed.params.get('q'));
  parsed.params.delete('q');
  const specificity = subtype === '*' ? (type === '*' ? 0 : 1) : parsed.params.size === 0 ? 2 : 3;
  return [{ type, subtype, quality, specificity }];
}

/** Outside 0 to 1 is cut, what is no number counts as 1. */
function parseQuality(text: string | undefined): number {
  if (text === undefined || !/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) return 1;
  return Math.min(1, Math.max(0, Number(text)));
}
