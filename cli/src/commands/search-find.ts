import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createHash, hash } from 'node:crypto';
import { decodePem, DerError, parseCertificate, parseSpki } from '@sigstead/formats';
import { describeEntry, type FoundEntry, LogError, type ReadAnswer, searchPage } from '@sigstead/log';
import { Failure, messageOf, oneLine } from '../failure.ts';
import type { FindFlags } from '../flags/search.ts';
import { request } from '../http-client.ts';
import { instanceUrl } from '../instance-url.ts';
import type { UserContext } from '../user-dirs.ts';
import { readKey } from './fsck.ts';

/** Entries asked for at once. */
const PAGE = 50;

export interface FindIo {
  readonly user: UserContext;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

type Terms = readonly (readonly [string, string])[];

/** Prints what is found, page by page; everything printed is proven. Throws a Failure. */
export async function findEntries(flags: FindFlags, io: FindIo): Promise<void> {
  const url = `${await instanceUrl(flags.url, io.user)}/api/v2/search`;
  const terms = await termsOf(flags);
  const key = flags.key === undefined ? {} : { key: await readKey(flags.key) };
  let from = flags.from;
  let found = 0;
  let isComplete = true;
  for (let isOnePage = true; ; isOnePage = false) {
    const answer = await askPage(url, { terms, from, limit: Math.min(PAGE, flags.limit - found), ...key });
    for (const entry of answer.entries) io.write(lineOf(entry, flags));
    found += answer.entries.length;
    from = answer.next;
    isComplete &&= answer.complete;
    if (!answer.more || found >= flags.limit) {
      io.writeError(summary({ found, answer, isOnePage, isComplete, flags }));
      return;
    }
  }
}

async function askPage(
  url: string,
  question: { terms: Terms; from: number; limit: number; key?: string },
): Promise<ReadAnswer> {
  try {
    const page = searchPage(question);
    const { status, bytes } = await request(`${url}?${page.query}`);
    if (status !== 200) throw new Failure(`${url} answers ${status}: ${oneLine(refusalOf(bytes))}`);
    return page.read(bytes);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(error instanceof LogError ? error.message : `${url}: ${oneLine(messageOf(error))}`, {
      cause: error,
    });
  }
}

/** The text of the server's error, or the beginning of whatever it said. */
function refusalOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // No JSON: then it is as it is.
  }
  return text.slice(0, 200);
}

function lineOf(found: FoundEntry, { json }: FindFlags): string {
  if (json) return `${JSON.stringify(found.json)}\n`;
  const { hash: what, names, issuers } = describeEntry(found.entry);
  return `${[String(found.index), what, names.map(oneLine).join(', ') || '-', issuers.map(oneLine).join(', ') || '-'].join('  ')}\n`;
}

function summary(of: {
  found: number;
  answer: ReadAnswer;
  isOnePage: boolean;
  isComplete: boolean;
  flags: FindFlags;
}): string {
  const { found, answer, isOnePage, isComplete, flags } = of;
  const signature = flags.key === undefined ? 'its signature not checked' : 'its signature verified';
  const checkpoint = `${isOnePage ? 'the checkpoint' : 'the checkpoint of its page, the last one'} of size ${answer.checkpoint.size}`;
  const what = `${found} ${found === 1 ? 'entry' : 'entries'}, ${isOnePage ? '' : 'each '}proven under ${checkpoint}, ${signature}`;
  const more = answer.more ? `; there may be more: --from ${answer.next}` : '';
  const gaps = isComplete ? '' : '; some entries of the log cannot be searched';
  return `${what}${more}${gaps}\n`;
}

async function termsOf(flags: FindFlags): Promise<Terms> {
  const terms: [string, string][] = [];
  if (flags.hash !== undefined) terms.push(['hash', flags.hash]);
  if (flags.file !== undefined) terms.push(['hash', `sha256:${await hashOfFile(flags.file)}`]);
  if (flags.identity !== undefined) terms.push(['identity', flags.identity]);
  if (flags.issuer !== undefined) terms.push(['issuer', flags.issuer]);
  if (flags.publicKey !== undefined) terms.push(['publicKey', await hashOfDer('public key', flags.publicKey)]);
  if (flags.certificate !== undefined) terms.push(['certificate', await hashOfDer('certificate', flags.certificate)]);
  return terms;
}

async function hashOfFile(path: string): Promise<string> {
  try {
    const digest = createHash('sha256');
    for await (const part of createReadStream(path)) digest.update(part as Buffer);
    return digest.digest('hex');
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Of a file with one of them, in PEM or DER. */
async function hashOfDer(what: 'public key' | 'certificate', path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Failure(`cannot read the ${what}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const isPem = Buffer.from(bytes).includes('-----BEGIN ');
    const der = isPem ? decodePem(Buffer.from(bytes).toString('latin1'))[0]?.bytes : bytes;
    if (der === undefined) throw new Failure(`${path} holds no ${what}`);
    if (what === 'certificate') parseCertificate(der);
    else parseSpki(der);
    return `sha256:${hash('sha256', der, 'hex')}`;
  } catch (error) {
    if (error instanceof DerError) throw new Failure(`${path} holds no ${what}: ${error.message}`, { cause: error });
    throw error;
  }
}
