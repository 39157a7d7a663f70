import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** A TCP way to the database that can be cut and held up. Its address stays while the database comes and goes. */
export interface Way {
  readonly connectionString: string;
  /** Ends every connection without a word. */
  cut(): void;
  /** Nothing passes in either direction until `release`. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

/** @param target where the database is now: its connection string, over a Unix socket */
export async function openWay(target: () => string): Promise<Way> {
  const sockets = new Set<Socket>();
  let held = false;
  const dial = (): Socket => {
    const url = new URL(target());
    return connect(join(url.searchParams.get('host') ?? '', `.s.PGSQL.${url.searchParams.get('port') ?? '5432'}`));
  };
  const server = createServer((client) => {
    const upstream = dial();
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      const drop = (): void => {
        sockets.delete(from);
        from.destroy();
        to.destroy();
      };
      from.on('error', drop).on('close', drop);
      from.on('data', (data: Buffer) => to.write(data));
      if (held) from.pause();
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    connectionString: `postgresql://${new URL(target()).username}@127.0.0.1:${port}/postgres`,
    cut,
    hold() {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      held = false;
      for (const socket of sockets) socket.resume();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
