import { createServer, connect, type Socket } from 'node:net';
import path from 'node:path';

export interface CuttingProxy {
  connectionString: string;
  /** At the next COMMIT: cut both sides before it is passed on, or after it was and the server has answered. */
  cutAtCommit(when: 'before' | 'after'): void;
  cuts(): number;
  close(): Promise<void>;
}

/** SPEC: PostgreSQL protocol: a simple query is 'Q', length, text, NUL. */
const COMMIT = Buffer.from('commit\0');

/** A TCP proxy in front of the database that loses the connection around a COMMIT. */
export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const url = new URL(target);
  const socketFolder = url.searchParams.get('host');
  const dbPort = Number(url.port || url.searchParams.get('port') || 5432);
  const sockets = new Set<Socket>();
  let armed: 'before' | 'after' | undefined;
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
    client.on('data', (data: Buffer) => {
      if (armed !== undefined && data.includes(COMMIT)) {
        cut += 1;
        dropOnAnswer = armed === 'after';
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
  return {
    connectionString: through.href,
    cutAtCommit(when) {
      armed = when;
    },
    cuts: () => cut,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
