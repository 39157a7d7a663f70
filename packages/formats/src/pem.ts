import { DerError } from './der/errors.ts';

/** One PEM block: its label (`CERTIFICATE`) and decoded bytes. */
export interface PemBlock {
  label: string;
  bytes: Uint8Array;
}

/** PEM with 64-column lines and a final newline. SPEC: RFC 7468 §2 */
export function encodePem(label: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}-----END ${label}-----\n`;
}

const BEGIN = /^-----BEGIN ([A-Z0-9][A-Z0-9 #.+/-]{0,63})-----[ \t]*$/;

/**
 * All PEM blocks of a text, in order; text between blocks is skipped, a body on one long line is accepted (sigstore-java sends that).
 * Throws `bad_pem` for an unfinished block, a body that is not base64, headers inside a block, or more than `maxBlocks`.
 * SPEC: RFC 7468 §3 (lax)
 */
export function decodePem(text: string, limits: { maxChars?: number; maxBlocks?: number } = {}): PemBlock[] {
  const { maxChars = 256 * 1024, maxBlocks = 32 } = limits;
  if (text.length > maxChars) throw new DerError('too_large', `PEM text over ${maxChars} characters`);
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (label === undefined) {
      label = BEGIN.exec(line)?.[1];
      body = [];
    } else if (line.trimEnd() === `-----END ${label}-----`) {
      if (blocks.length >= maxBlocks) throw new DerError('bad_pem', `more than ${maxBlocks} PEM blocks`);
      blocks.push({ label, bytes: decodeBody(body.join('')) });
      label = undefined;
    } else {
      body.push(line.trim());
    }
  }
  if (label !== undefined) throw new DerError('bad_pem', `PEM block ${label} has no end line`);
  return blocks;
}

function decodeBody(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw new DerError('bad_pem', 'PEM body is not canonical base64');
  return bytes;
}
