// `npm run bench`: what the whole costs on this machine, read beside the machine's own P-256 signature of the same run.
import { startInstance } from '@sigstead/test/instance';
import { closedLoop, type LoadRequest, type LoadResult } from './load.ts';
import { factLines, machineFacts } from './machine/facts.ts';
import { microLines, microResults } from './micro/report.ts';
import { certificateRequests, entryRequests, timestampRequests } from './scenarios.ts';
import { type Yardstick, yardstick } from './yardstick.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10);
const WARM_UP_SECONDS = Math.min(3, SECONDS);
const IN_FLIGHT = [1, 16, 64];
/** More than any machine does in the time given. */
const requestsFor = (seconds: number): number => Math.ceil(seconds * 6000);

interface Row {
  name: string;
  inFlight: number;
  result: LoadResult;
}

function line({ name, inFlight, result }: Row, stick: Yardstick): string {
  const perSign = stick.signsPerSecond / result.perServerCpuSecond;
  return [
    name.padEnd(30),
    String(inFlight).padStart(9),
    result.perSecond.toFixed(0).padStart(9),
    result.perServerCpuSecond.toFixed(0).padStart(15),
    `${perSign.toFixed(1)}x`.padStart(12),
    result.p50Ms.toFixed(1).padStart(8),
    result.p99Ms.toFixed(1).padStart(8),
    String(result.failed).padStart(7),
  ].join(' ');
}

const HEADER =
  'what                           in flight  done/s  per server CPU-s  of a sign   p50 ms   p99 ms  failed';

async function main(): Promise<number> {
  const stick = yardstick();
  console.log(
    `P-256 on one core: ${stick.signsPerSecond.toFixed(0)} signatures/s, ${stick.verifiesPerSecond.toFixed(0)} verifications/s`,
  );
  await using instance = await startInstance({ ephemeral: true });
  for (const fact of factLines(await machineFacts([instance.pid], process.env['DATABASE_URL']))) console.log(fact);
  for (const micro of microLines(await microResults(instance))) console.log(micro);
  console.log(
    `closed loop of ${SECONDS} s each; server CPU includes PostgreSQL; the load comes from the same machine\n${HEADER}`,
  );
  let failures = 0;
  const measure = async (
    name: string,
    make: (count: number) => Promise<LoadRequest[]> | LoadRequest[],
  ): Promise<void> => {
    await load(instance, await make(requestsFor(WARM_UP_SECONDS)), 16, WARM_UP_SECONDS);
    for (const inFlight of IN_FLIGHT) {
      const result = await load(instance, await make(requestsFor(SECONDS)), inFlight, SECONDS);
      failures += result.failed;
      console.log(line({ name, inFlight, result }, stick));
      if (result.firstFailure !== undefined) console.log(`  first failure: ${result.firstFailure}`);
    }
  };
  await measure('certificate with SCT', (count) => certificateRequests(instance, count));
  await measure('Rekor v2 entry, published', (count) => entryRequests(instance, count));
  await measure('timestamp', (count) => timestampRequests(count));
  return failures === 0 ? 0 : 1;
}

function load(
  instance: { url: string; pid: number },
  requests: LoadRequest[],
  inFlight: number,
  seconds: number,
): Promise<LoadResult> {
  return closedLoop({ url: instance.url, serverPid: instance.pid, requests, inFlight, seconds });
}

process.exitCode = await main();
