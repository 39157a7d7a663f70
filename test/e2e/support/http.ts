/** One answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

const TIMEOUT_MS = 20_000;

/** One request. Rejects when there is no whole answer in time. */
export async function send(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS), ...init });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
}

/** Rejects, with the answer's text, unless it has the status. */
export async function sendOk(url: string, status: number, init: RequestInit = {}): Promise<Answer> {
  const answer = await send(url, init);
  if (answer.status !== status) throw new UnexpectedStatus(url, answer);
  return answer;
}

export function post(body: string | Uint8Array<ArrayBuffer>, contentType = 'application/json'): RequestInit {
  return { method: 'POST', headers: { 'content-type': contentType }, body };
}

export function postJson(value: unknown): RequestInit {
  return post(JSON.stringify(value));
}

export async function getJson<T>(url: string): Promise<T> {
  const { bytes } = await sendOk(url, 200);
  return JSON.parse(bytes.toString('utf8')) as T;
}

/** The service did answer, but with another status than was due: never the effect of a lost connection. */
export class UnexpectedStatus extends Error {
  readonly status: number;

  constructor(url: string, answer: Answer) {
    super(`${url} answered ${answer.status}: ${answer.bytes.toString('utf8').slice(0, 300)}`);
    this.name = 'UnexpectedStatus';
    this.status = answer.status;
  }
}
