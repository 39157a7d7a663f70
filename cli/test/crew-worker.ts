/** A worker that does what the text of its configuration says for its slot; for tests of whoever keeps workers. */
const send = (message: unknown): void => {
  process.send?.(message);
};
let deaf = false;

process.on('message', (message: { kind: string; slot: number; text: string }) => {
  if (message.kind === 'stop' && !deaf) process.exit(0);
  if (message.kind !== 'start') return;
  const role = (JSON.parse(message.text) as Record<string, string>)[String(message.slot)];
  if (role === 'fails') {
    send({ kind: 'failed', message: 'the database does not answer' });
    process.exitCode = 1;
    process.disconnect?.();
    return;
  }
  deaf = role === 'deaf';
  send({ kind: 'ready', addresses: ['here'] });
  if (role === 'dies') setImmediate(() => process.exit(3));
  if (role !== 'silent') setInterval(() => send({ kind: 'alive' }), 20);
});
