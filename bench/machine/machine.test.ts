import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { parseStat, processTree } from './cpu.ts';
import { listeningInodes, listenersOn } from './listeners.ts';
import { shareCores } from './pin.ts';

const LINUX = process.platform === 'linux';

describe('what the kernel says of processes', () => {
  it('a command name may hold spaces and parentheses', () => {
    const { pid, name, parent, cpuSeconds } = parseStat(
      '4242 (a (b) c) S 17 1 1 0 -1 4194560 1 2 3 4 150 50 7 3 20 0 11 0 1',
    );
    assert.deepEqual({ pid, name, parent, cpuSeconds }, { pid: 4242, name: 'a (b) c', parent: 17, cpuSeconds: 2.1 });
  });

  it('a tree holds the process itself and its children, nothing above', { skip: !LINUX }, () => {
    const pids = processTree([process.pid]).map(({ pid }) => pid);
    assert.ok(pids.includes(process.pid));
    assert.ok(!pids.includes(process.ppid));
  });

  it('only listening sockets of the port count', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1',
      '   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 222 1',
      '   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1',
    ].join('\n');
    assert.deepEqual(listeningInodes(table, 8080), ['111']);
    assert.deepEqual(listeningInodes(table, 80), []);
  });

  it('the process that listens is found by its port', { skip: !LINUX }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      assert.deepEqual(listenersOn((server.address() as AddressInfo).port), [process.pid]);
    } finally {
      server.close();
    }
  });
});

describe('cores', () => {
  it('server and generator never share one; a single core is not divided', () => {
    assert.equal(shareCores(1), undefined);
    assert.deepEqual(shareCores(2), { server: '0', generator: '1' });
    assert.deepEqual(shareCores(8), { server: '0-6', generator: '7' });
  });
});
