import { createServer, connect, type Socket } from 'node:net';
import path from 'node:path';

/** What is sent to the database for a step of a batch, as far as it tells the step. */
const MESSAGES = {
  begin: 'for update\0',
  // SPEC: PostgreSQL protocol: Bind names the prepared statement, NUL-terminated.
  look: 'log_look\0',
  insert: 'log_insert\0',
  settle: 'log_settle\0',
  // SPEC: PostgreSQL protocol: a simple query is 'Q', length, text, NUL.
  commit: 'commit\0',
} as const;
export type WireStep = keyof typeof MESSAGES;

export interface CuttingProxy {
  connectionString: string;
  /**
   * At the next message of that step: cut both sides before it is passed on, or after it was and the server has answered.
   * What a settled read sends like a batch (begin, commit) is left alone: only connections that have sequenced count.
   */
  cutAt(step: WireStep, when: 'before' | 'after'): void;
  cutAtCommit(when: 'before' | 'after'): void;
  cuts(): number;
  /** From now on nothing passes on what is connected, and nobody hears of the other's end. */
  silence(): void;
  close(): Promise<void>;
}

/** A TCP proxy in front of the database that loses the connection around one message. */
export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const url = new URL(target);
  const socketFolder = url.searchParams.get('host');
  const dbPort = Number(url.port || url.searchParams.get('port') || 5432);
  const sockets = new Set<Socket>();
  let armed: { step: WireStep; when: 'before' | 'after' } | undefined;
  let cut = 0;

  const dial = (): Socket =>
    socketFolder === null ? connect(dbPort, url.hostname) : connect(path.join(socketFolder, `.s.PGSQL.${dbPort}`));

  const server = createServer((client) => {
    const upstream = dial();
    const drop = (): void => {
      client.destroy();
      upstream.destroy();
    };
    let dropOnAnswer = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', drop);
      socket.on('close', () => {
        sockets.delete(socket);
        drop();
      });
    }
    let sequences = false;
    client.on('data', (data: Buffer) => {
      sequences ||= data.includes(MESSAGES.look);
      const shared = armed?.step === 'begin' || armed?.step === 'commit';
      if (armed !== undefined && data.includes(MESSAGES[armed.step]) && (sequences || !shared)) {
        cut += 1;
        dropOnAnswer = armed.when === 'after';
        armed = undefined;
        if (!dropOnAnswer) return drop();
      }
      upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => (dropOnAnswer ? drop() : client.write(data)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  const through = new URL(target);
  through.searchParams.delete('host');
  through.searchParams.delete('port');
  through.hostname = '127.0.0.1';
  through.port = String(port);
  const cutAt: CuttingProxy['cutAt'] = (step, when) => {
    armed = { step, when };
  };
  return {
    connectionString: through.href,
    cutAt,
    cutAtCommit: (when) => cutAt('commit', when),
    cuts: () => cut,
    silence() {
      for (const socket of sockets) socket.pause();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
