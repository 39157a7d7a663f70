/** A request before it is written down. */
export interface Wire {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** Send the body in chunks in place of a length. */
  readonly chunked?: boolean;
}

/** Bytes for the socket. */
export interface Shot {
  readonly bytes: Buffer;
  /** False when the server may rightly wait for more, or may give no answer: then we end our side after sending. */
  readonly whole: boolean;
  /** What the answer to it is known by in a report. */
  readonly label: string;
}

/** Writes a request with a right framing, and asks for the end of the connection after the answer. */
export function encode(wire: Wire, label: string): Shot {
  const { method, headers, body, chunked = false } = wire;
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host');
  const lines = [
    `${method} ${wire.target} HTTP/1.1`,
    ...(hasHost ? [] : ['Host: localhost']),
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body.length > 0 || method === 'POST' ? [framing] : []),
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return { bytes: Buffer.concat([head, chunked ? chunks(body) : body]), whole: true, label };
}

function chunks(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 1000) {
    const part = body.subarray(at, at + 1000);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

export function withHeader(wire: Wire, name: string, value: string): Wire {
  const others = wire.headers.filter(([each]) => each.toLowerCase() !== name.toLowerCase());
  return { ...wire, headers: [...others, [name, value]] };
}
