import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from '../flags.ts';
import { type HammerOptions, readOptions } from './options.ts';

function options(...args: string[]): HammerOptions {
  const read = readOptions(args);
  assert.ok(read !== 'help');
  return read;
}

describe('options of the load tool', () => {
  it('without any, three rates and one closed loop against an own instance that is pinned', () => {
    const { rates, closed, overload, url, pin } = options();
    assert.deepEqual(
      { rates, closed, overload, url, pin },
      {
        rates: [50, 500, 2000],
        closed: [256],
        overload: false,
        url: undefined,
        pin: true,
      },
    );
  });

  it('what is named is all that runs', () => {
    assert.deepEqual(options('--rate', '5').closed, []);
    assert.deepEqual(options('--closed', '1, 16').rates, []);
    assert.deepEqual(options('--overload').rates, []);
    assert.deepEqual(options('--quarter').rates, []);
  });

  it('a server that runs already is pinned only when that is asked for', () => {
    assert.equal(options('--url', 'http://localhost:8080').pin, false);
    assert.equal(options('--url', 'http://localhost:8080', '--pin').pin, true);
    assert.equal(options('--no-pin').pin, false);
  });

  it('only this machine is loaded', () => {
    for (const url of ['http://localhost:1', 'http://127.0.0.1:80', 'http://[::1]:9']) {
      assert.equal(options('--url', url).url, new URL(url).origin);
    }
    for (const url of [
      'http://example.com',
      'http://10.0.0.1:8080',
      'http://127.0.0.1.example.com',
      'http://localhost.example.com:80',
      'http://localhost@example.com',
      'http://0.0.0.0:80',
      'https://localhost:8080',
      'http://localhost:8080/path',
      'http://user@localhost:8080',
      'file:///etc/passwd',
      'localhost:8080',
    ])
      assert.throws(() => readOptions(['--url', url]), UsageError, url);
    assert.throws(() => readOptions(['--ca', 'http://example.com']), UsageError);
  });

  it('what is out of bounds, unknown or contradictory is refused', () => {
    for (const args of [
      ['--rate', '0'],
      ['--rate', '50001'],
      ['--rate', '1e3'],
      ['--rate', '-5'],
      ['--rate', ''],
      ['--rate', Array.from({ length: 21 }, () => '1').join(',')],
      ['--rate', '50000', '--seconds', '600'],
      ['--closed', '9000'],
      ['--closed', '100', '--connections', '99'],
      ['--seconds', '601'],
      ['--readers', '65'],
      ['--duplicates', '0.95'],
      ['--duplicates', '1'],
      ['--duplicates', '.5'],
      ['--verify-every', '0'],
      ['--pids', '1'],
      ['--workers', '0'],
      ['--workers', '65'],
      ['--workers', '2', '--url', 'http://localhost:8080'],
      ['--database', 'postgresql://localhost/x'],
      ['--search', 'on'],
      ['--search', 'maybe', '--workers', '1'],
      ['--wat'],
      ['word'],
    ])
      assert.throws(() => readOptions(args), UsageError, args.join(' '));
  });

  it('help is help, whatever else is there', () => {
    assert.equal(readOptions(['--help', '--rate', '0']), 'help');
    assert.equal(readOptions(['-h']), 'help');
  });
});
