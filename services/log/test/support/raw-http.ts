import { request } from 'node:http';

export interface RawResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** One request exactly as given: the path is not normalised, no header is added but Host and Content-Length. */
export function send(
  port: number,
  options: { method: string; path: string; headers?: [string, string][]; body?: Uint8Array },
): Promise<RawResponse> {
  const { method, path, body } = options;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of options.headers ?? []) headers[name] = value;
  if (body !== undefined) headers['Content-Length'] = String(body.length);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
