import assert from 'node:assert/strict';
import { findExtension, parseCertificate, type ParsedCertificate, readDer, subjectAltNames } from '@sigstead/formats';
import { type Answer, chainIn, type Harness } from './harness.ts';
import { requestLines } from './recorded.ts';
import { errorOf } from './requests.ts';
import { makeToken } from './tokens.ts';

/* What a test expects of the authority's answers. */

/** Fulcio's extensions, by number. */
export const ARC = '1.3.6.1.4.1.57264.1.';

export function leafOf(answer: Answer): ParsedCertificate {
  const [leaf] = chainIn(answer);
  assert.ok(leaf, answer.body.toString());
  return parseCertificate(leaf);
}

export function extensionText(leaf: ParsedCertificate, n: number): string | undefined {
  const extension = findExtension(leaf, `${ARC}${n}`);
  if (extension === undefined) return undefined;
  return Buffer.from(n < 7 ? extension.value : readDer(extension.value).content).toString('utf8');
}

export function sanText(leaf: ParsedCertificate): string {
  const names = subjectAltNames(leaf);
  assert.equal(names?.names.length, 1);
  return Buffer.from(names.names[0]?.content ?? []).toString('utf8');
}

/** The two verdicts on a request. The authority is asked for when a test runs: it starts after its file is read. */
export function expectations(authority: () => Pick<Harness, 'send'>) {
  async function refused(
    request: Parameters<Harness['send']>[0],
    message: string | RegExp,
    status = 400,
  ): Promise<void> {
    const answer = await authority().send(request);
    const { code, message: text } = errorOf(answer);
    assert.equal(answer.status, status, text);
    assert.equal(code, 3);
    if (typeof message === 'string') assert.equal(text, message);
    else assert.match(text, message);
  }
  async function issued(request: Parameters<Harness['send']>[0]): Promise<ParsedCertificate> {
    const answer = await authority().send(request);
    assert.equal(answer.status, 200, answer.body.toString());
    return leafOf(answer);
  }
  return { issued, refused };
}

export const recordedBody = (name: string): string => {
  const line = requestLines().find((each) => each.name === name);
  return (line?.request.bodyTemplate ?? '').replaceAll('{{TOKEN}}', makeToken(line?.token ?? {}));
};
