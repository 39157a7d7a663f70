import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Answer, AnswerReader, BadAnswerError, headerOf } from './answer.ts';

const text = (body: string, extra = ''): Buffer =>
  Buffer.from(`HTTP/1.1 201 Created\r\nX-Log-Index: 7\r\nContent-Length: ${body.length}\r\n${extra}\r\n${body}`);

describe('answers of a connection', () => {
  it('are the same however the bytes are cut', () => {
    const whole = text('{"logIndex":"7"}');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const reader = new AnswerReader();
        let answer: Answer | undefined;
        for (let at = 0, i = 0; at < whole.length; i++) {
          assert.equal(answer, undefined);
          const end = at + (sizes[i % sizes.length] ?? 1);
          answer = reader.push(whole.subarray(at, end));
          at = end;
        }
        assert.equal(answer?.status, 201);
        assert.equal(answer?.body.toString(), '{"logIndex":"7"}');
        assert.equal(headerOf(answer?.head ?? '', 'x-log-index'), '7');
      }),
    );
  });

  it('follow each other, also empty ones', () => {
    const reader = new AnswerReader();
    assert.equal(reader.push(text('one'))?.body.toString(), 'one');
    assert.equal(reader.push(text(''))?.body.length, 0);
    assert.equal(reader.isInside, false);
    assert.equal(reader.push(Buffer.from('HTTP/1.1 200')), undefined);
    assert.equal(reader.isInside, true);
  });

  it('in chunks are put together, however the bytes are cut', () => {
    const whole = Buffer.from(
      'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nB\r\n,two\r\nthree\r\n0\r\n\r\n',
    );
    for (let cut = 1; cut < whole.length; cut++) {
      const reader = new AnswerReader();
      assert.equal(reader.push(whole.subarray(0, cut)), undefined);
      assert.equal(reader.push(whole.subarray(cut))?.body.toString(), 'one,two\r\nthree');
      assert.equal(reader.isInside, false);
    }
  });

  it('without a length, of another protocol, or with bytes behind them are refused', () => {
    for (const bad of [
      'HTTP/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n',
      'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
      'SSH-2.0-x\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`,
    ])
      assert.throws(() => new AnswerReader().push(Buffer.from(bad)), BadAnswerError, bad.slice(0, 40));
  });
});
