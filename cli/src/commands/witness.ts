import { formatVerifierKey } from '@sigstead/formats';
import { witnessVkey } from '@sigstead/witness';
import { prepareReadyFile } from '../dev/ready-file.ts';
import { type StopIo, watchSupervised } from '../dev/stop.ts';
import type { WitnessFlags } from '../flags/witness.ts';
import { initFromConfig, initWitnessFolder } from '../witness/init.ts';
import { readWitnessConfig, witnessLogs, witnessSigner } from '../witness/load.ts';
import { serveWitness } from '../witness/serve.ts';

export interface WitnessIo extends StopIo {
  readonly version: string;
  /** Word that runs this program. */
  readonly sigstead: string;
  readonly write: (text: string) => void;
}

/** What `--ready-file` holds. Members are only ever added. */
interface ReadyReport {
  readonly pid: number;
  readonly vkey: string;
  readonly addresses: readonly string[];
}

const STOP_DEADLINE_MS = 20_000;

/** `sigstead witness …`. Throws a Failure. */
export async function witnessCommand(flags: WitnessFlags, io: WitnessIo): Promise<void> {
  switch (flags.action) {
    case 'init':
      return 'folder' in flags ? initWitnessFolder(flags, io) : initFromConfig(flags, io);
    case 'key':
      return printKey(flags.config, io);
    case 'check':
      return check(flags.config, io);
    case 'serve':
      return serve(flags, io);
  }
}

/** The verifier key and nothing else. */
async function printKey(path: string, io: WitnessIo): Promise<void> {
  const config = await readWitnessConfig(path);
  io.write(`${witnessVkey({ name: config.file.name, signer: await witnessSigner(config) })}\n`);
}

/** The configuration with every file it names; opens neither state nor port. */
async function check(path: string, io: WitnessIo): Promise<void> {
  const config = await readWitnessConfig(path);
  const signer = await witnessSigner(config);
  const logs = await witnessLogs(config);
  const lines = logs.flatMap(({ origin, keys }) => [
    `  ${origin}\n`,
    ...keys.map((key) => `    ${key.type.padEnd(10)} ${formatVerifierKey(key)}\n`),
  ]);
  const vkey = witnessVkey({ name: config.file.name, signer });
  io.write(
    `${config.path} is valid: witness ${vkey}\n${logs.length} ${logs.length === 1 ? 'log' : 'logs'}\n${lines.join('')}`,
  );
}

/** Serves until a signal says stop. */
async function serve(flags: Extract<WitnessFlags, { action: 'serve' }>, io: WitnessIo): Promise<void> {
  const stop = watchSupervised(STOP_DEADLINE_MS, io);
  const readyFile = flags.readyFile === undefined ? undefined : await prepareReadyFile<ReadyReport>(flags.readyFile);
  const serving = await serveWitness(await readWitnessConfig(flags.config), io);
  try {
    io.write(serving.screen);
    await readyFile?.write({ pid: io.process.pid, vkey: serving.vkey, addresses: serving.addresses });
    await stop.stopped;
  } finally {
    await readyFile?.remove();
    await serving.close();
    stop.close();
  }
}
