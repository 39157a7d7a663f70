import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { DEV_TOKEN_PATH } from '@sigstead/dev-oidc';

import type { TokenFlags } from '../flags/dev.ts';
import { Failure, messageOf } from '../failure.ts';
import { request } from '../http-client.ts';
import { instanceUrl } from '../instance-url.ts';
import type { UserContext } from '../user-dirs.ts';

export interface CommandIo {
  readonly user: UserContext;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly write: (text: string) => void;
}

/** Prints a token of a running development instance. Throws a Failure. */
export async function tokenCommand(flags: TokenFlags, io: CommandIo): Promise<void> {
  const wish = {
    issuer: flags.issuer,
    ...(flags.email === undefined ? {} : { email: flags.email }),
    ...(flags.claimsFile === undefined ? {} : { claims: await readClaims(flags.claimsFile, io) }),
    ...(flags.lifetime === undefined ? {} : { lifetime: flags.lifetime }),
  };
  const url = await instanceUrl(flags.url, io.user);
  const answer = await request(url + DEV_TOKEN_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  });
  io.write(`${readToken(url, answer.status, answer.bytes.toString('utf8'))}\n`);
}

/** SPEC: RFC 7515 §7.1 */
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

async function readClaims(file: string, io: CommandIo): Promise<unknown> {
  const name = file === '-' ? 'standard input' : file;
  let content: string;
  try {
    content = file === '-' ? await text(io.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new Failure(`cannot read the claims: ${messageOf(error)}`, { cause: error });
  }
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new Failure(`the claims in ${name} are not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function readToken(url: string, status: number, body: string): string {
  const answer = parseObject(body);
  const { token } = answer;
  // Whoever answers at that address, nothing but a token gets into a terminal or a command line.
  if (status === 200 && typeof token === 'string' && COMPACT_JWS.test(token)) return token;
  const why = answer['error_description'];
  if (status === 400 && typeof why === 'string') throw new Failure(`the issuer refused: ${why}`);
  throw new Failure(`${url} is no Sigstead development instance (its token address answered ${status})`);
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // A page of some other server: the caller says that this is none of ours.
    return {};
  }
}
