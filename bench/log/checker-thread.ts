import { parentPort, workerData } from 'node:worker_threads';
import { checkAnswer } from './check.ts';
import type { CheckerAnswer, CheckerCall, CheckerData } from './checker.ts';
import { Readers } from './reader.ts';
import { checkpointVerifier } from './trust.ts';

const { target, log, readers: readerCount } = workerData as CheckerData;
const verifier = checkpointVerifier(log);
const port = parentPort;
if (port === null) throw new Error('this file is a thread of the load tool');

let readers = new Readers({ target, verifier });
let checked = 0;
let faults: string[] = [];

port.on('message', (call: CheckerCall) => {
  switch (call.kind) {
    case 'check':
      return check(call.answer, call.expected);
    case 'start':
      readers = new Readers({ target, verifier });
      return readers.start(readerCount);
    case 'finish':
      return void finish();
  }
});

function check(answer: Uint8Array, expected: Uint8Array): void {
  checked += 1;
  try {
    readers.acknowledged(checkAnswer(answer, expected, verifier));
  } catch (error) {
    faults.push(`a bad answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Calls come in order: when this one is read, every answer before it has been checked. */
async function finish(): Promise<void> {
  const read = await readers.stop();
  const answer: CheckerAnswer = { checked, faults, read };
  checked = 0;
  faults = [];
  port?.postMessage(answer);
}
