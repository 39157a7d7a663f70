import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { suite, test } from 'node:test';
import { watchForStop } from '../src/dev/stop.ts';

function rig(pollMs = 60_000) {
  const signals = new EventEmitter();
  const seen: string[] = [];
  const state = { nowMs: 1_000, parent: 7 };
  const watch = watchForStop({
    signals,
    nowMs: () => state.nowMs,
    parentPid: () => state.parent,
    firstParentPid: 7,
    onImpatience: () => seen.push('impatient'),
    onForce: () => seen.push('force'),
    pollMs,
  });
  return { signals, seen, state, watch };
}

suite('wishes to stop', () => {
  test('the first signal decides, whichever it is', async () => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      const { signals, watch } = rig();
      signals.emit(name);
      assert.equal(await watch.stopped, name);
      watch.close();
    }
  });

  test('one press of Ctrl-C that arrives twice is one wish', async () => {
    const { signals, seen, state, watch } = rig();
    signals.emit('SIGINT');
    state.nowMs += 40;
    signals.emit('SIGINT');
    state.nowMs += 40;
    signals.emit('SIGTERM');
    await watch.stopped;
    assert.deepEqual(seen, []);
    watch.close();
  });

  test('a second press only says something, a third one ends it', () => {
    const { signals, seen, state, watch } = rig();
    for (let press = 0; press < 3; press += 1) {
      signals.emit('SIGINT');
      signals.emit('SIGINT');
      state.nowMs += 1_000;
    }
    assert.deepEqual(seen, ['impatient', 'force']);
    watch.close();
  });

  test('the end of the parent is a wish to stop', async () => {
    const { state, watch } = rig(1);
    state.parent = 1;
    // The poll does not keep a process alive; something else does here.
    const alive = setInterval(() => undefined, 1_000);
    assert.equal(await watch.stopped, 'parent-gone');
    clearInterval(alive);
    watch.close();
  });

  test('a parent that was gone before the watch began is noticed', async () => {
    const { state } = rig();
    state.parent = 1;
    const watch = watchForStop({
      signals: new EventEmitter(),
      nowMs: () => 0,
      parentPid: () => 1,
      firstParentPid: 7,
      onImpatience: () => undefined,
      onForce: () => undefined,
      pollMs: 1,
    });
    const alive = setInterval(() => undefined, 1_000);
    assert.equal(await watch.stopped, 'parent-gone');
    clearInterval(alive);
    watch.close();
  });

  test('after close nothing is listened to', () => {
    const { signals, watch } = rig();
    watch.close();
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) assert.equal(signals.listenerCount(name), 0);
  });
});
