import { Agent, request } from 'node:http';
import { treeCpuSeconds } from './machine/cpu.ts';

/** One request of a scenario; `expect` is the only status that counts as done. */
export interface LoadRequest {
  method: 'POST';
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
  expect: number;
}

/** What a run showed. Latencies in milliseconds. */
export interface LoadResult {
  done: number;
  failed: number;
  perSecond: number;
  perServerCpuSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** The first answer that was not expected. */
  firstFailure: string | undefined;
}

/**
 * Closed loop: `inFlight` connections, each sends its next request when it has its answer. Throughput of such a loop is honest, its latencies are
 * those of a server that is always full. Ends when the requests or the seconds are used up.
 */
export async function closedLoop(options: {
  url: string;
  serverPid: number;
  requests: readonly LoadRequest[];
  inFlight: number;
  seconds: number;
}): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.inFlight });
  const latencies: number[] = [];
  let failed = 0;
  let firstFailure: string | undefined;
  let next = 0;
  const cpuBefore = treeCpuSeconds(options.serverPid);
  const startMs = performance.now();
  const endMs = startMs + options.seconds * 1000;
  const worker = async (): Promise<void> => {
    for (
      let one = options.requests[next++];
      one !== undefined && performance.now() < endMs;
      one = options.requests[next++]
    ) {
      const sentMs = performance.now();
      const failure = await send(agent, options.url, one);
      if (failure === undefined) latencies.push(performance.now() - sentMs);
      else {
        failed += 1;
        firstFailure ??= failure;
      }
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, worker));
  const seconds = (performance.now() - startMs) / 1000;
  const cpuSeconds = treeCpuSeconds(options.serverPid) - cpuBefore;
  agent.destroy();
  return {
    ...summary(latencies),
    failed,
    firstFailure,
    perSecond: latencies.length / seconds,
    perServerCpuSecond: latencies.length / cpuSeconds,
  };
}

function summary(latencies: number[]): { done: number; p50Ms: number; p99Ms: number } {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { done: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Resolves to undefined when the expected status came, else to what came instead. */
function send(agent: Agent, url: string, one: LoadRequest): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = { ...one.headers, 'content-length': String(one.body.length) };
    const sent = request(`${url}${one.path}`, { method: one.method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const isExpected = response.statusCode === one.expect;
        resolve(
          isExpected ? undefined : `${response.statusCode} ${Buffer.concat(chunks).toString('utf8').slice(0, 200)}`,
        );
      });
      response.on('error', (error) => resolve(String(error)));
    });
    sent.on('error', (error) => resolve(String(error)));
    sent.end(one.body);
  });
}
