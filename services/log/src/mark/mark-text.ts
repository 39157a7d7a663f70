import type { Mark } from '../core/ports.ts';

/** A mark with the log's key, SHA-256 of its SPKI in hex, so that it is taken for no other log's. */
export function formatMark(mark: Mark, key: string): string {
  return `sigstead-mark-v1\n${key}\n${mark.size}\n${Buffer.from(mark.root).toString('hex')}\n`;
}

/** Undefined for anything but a whole mark. */
export function parseMark(text: string): (Mark & { key: string }) | undefined {
  const match = /^sigstead-mark-v1\n([0-9a-f]{64})\n(\d{1,16})\n([0-9a-f]{64})\n$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined;
  return { key: match[1], size: Number(match[2]), root: Buffer.from(match[3], 'hex') };
}
