import { isDeepStrictEqual } from 'node:util';
import { expect, type FuzzTarget, parsed, sameBytes, textOf } from '@sigstead/test/fuzz';
import {
  decodeBase64Proto,
  decodeBase64Strict,
  encodeBase64,
  FormatError,
  hasTrailingText,
  jcs,
  pae,
  parseAddChainRequest,
  parseAddChainResponse,
  parseJson,
  toPlain,
} from '../../src/index.ts';
import { recordedLines } from '../support/recorded.ts';
import { CERTIFICATES } from './seeds.ts';

const BODIES: readonly Uint8Array[] = recordedLines<{ request: { body?: string } }>('rekor2.jsonl')
  .flatMap(({ request: { body } }) =>
    body?.startsWith('{') === true && body.length < 20_000 ? [Buffer.from(body)] : [],
  )
  .filter((body) => parsed(() => parseJson(body), [FormatError]) === 'accepted')
  .slice(0, 40);

const json: FuzzTarget = {
  name: 'json',
  kind: 'json',
  seeds: BODIES,
  words: ['{', '}', '[', ']', ':', ',', '"', '\\u', '\\ud800', '1e400', '-', 'null', '"__proto__":', '/**/'],
  judge: (input) =>
    parsed(
      () => {
        const found = parseJson(input);
        return { found, plain: toPlain(found.value) };
      },
      [FormatError],
      ({ found, plain }) => {
        expect(found.end <= input.length, 'it ends behind the input');
        // The runtime's own reader agrees wherever there is but one value, and no member twice.
        const isOne = !hasTrailingText(found);
        const isUnique = parsed(() => parseJson(input, { onDuplicate: 'error' }), [FormatError]) === 'accepted';
        if (isOne && isUnique) expect(isDeepStrictEqual(plain, JSON.parse(textOf(input))), 'it is another value');
      },
    ),
};

const canonical: FuzzTarget = {
  name: 'canonical-json',
  kind: 'json',
  seeds: BODIES,
  judge: (input) =>
    parsed(
      () => jcs(toPlain(parseJson(input).value)),
      [FormatError],
      (text) => expect(jcs(JSON.parse(text)) === text, 'canonical text is not canonical'),
    ),
};

const base64: FuzzTarget = {
  name: 'base64',
  kind: 'bytes',
  seeds: ['', 'AA==', 'AAA=', 'AAAA', '+/+/', '-_-_', CERTIFICATES[0]].map((each) =>
    Buffer.from(typeof each === 'string' ? each : encodeBase64(each ?? Buffer.alloc(0))),
  ),
  words: ['=', '==', '===', '-', '_', '+', '/', '\n', '\r\n', ' ', '\u0000', '\u00e9'],
  judge(input) {
    const text = Buffer.from(input).toString('latin1');
    const loose = decodeBase64Proto(text);
    const strict = parsed(
      () => decodeBase64Strict(text),
      [FormatError],
      (bytes) => {
        expect(encodeBase64(bytes) === text, 'it is written otherwise');
        expect(loose !== undefined && sameBytes(loose, bytes), 'the two readers disagree');
      },
    );
    return strict === 'accepted' || loose !== undefined ? 'accepted' : 'refused';
  },
};

const chain = CERTIFICATES.slice(0, 3).map((der) => encodeBase64(der));
const addChain: FuzzTarget = {
  name: 'add-chain-request',
  kind: 'json',
  seeds: [chain, chain.slice(0, 1)].map((each) => Buffer.from(JSON.stringify({ chain: each }))),
  words: ['"chain":', '[', ']', '""', 'null', '"AA=="', '{"chain":["'],
  judge: (input) =>
    parsed(
      () => parseAddChainRequest(input),
      [FormatError],
      (certificates) => expect(certificates.length > 0 && certificates.length <= 20, 'it has too few or too many'),
    ),
};

const SCT = {
  sct_version: 0,
  id: encodeBase64(Buffer.alloc(32, 1)),
  timestamp: 1_800_000_000_000,
  extensions: '',
  signature: encodeBase64(Buffer.from('0403000401020304', 'hex')),
};
const addChainAnswer: FuzzTarget = {
  name: 'add-chain-response',
  kind: 'json',
  seeds: [SCT, { ...SCT, extensions: 'AAAFAAAAAAE=' }].map((each) => Buffer.from(JSON.stringify(each))),
  judge: (input) =>
    parsed(
      () => parseAddChainResponse(input),
      [FormatError],
      (sct) => expect(sct.logId.length === 32 && Number.isSafeInteger(sct.timestampMs), 'it is no SCT'),
    ),
};

const TYPES = ['', 'application/vnd.in-toto+json', 'text/plain; charset="\u00e9\ud83d\ude00"'];
/** What a DSSE signature covers: any type and payload have one encoding, from which both can be read again. */
const dsse: FuzzTarget = {
  name: 'dsse-pae',
  kind: 'bytes',
  seeds: TYPES.flatMap((type) => ['', '{}', 'DSSEv1 0  0 '].map((payload) => Buffer.from(`${type}\0${payload}`))),
  words: ['\0', 'DSSEv1 ', ' 0 ', ' 18446744073709551616 '],
  judge(input) {
    const split = Math.max(0, input.indexOf(0));
    const type = textOf(input.subarray(0, split));
    const payload = input.subarray(split);
    const encoded = Buffer.from(pae(type, payload));
    const head = /^DSSEv1 (\d+) /.exec(encoded.toString('latin1', 0, 40));
    const start = head?.[0].length ?? 0;
    const end = start + Number(head?.[1] ?? Number.NaN);
    expect(encoded.toString('utf8', start, end) === type, 'the type is another one');
    const tail = ` ${payload.length} `;
    expect(encoded.toString('latin1', end, end + tail.length) === tail, 'the length is another one');
    expect(sameBytes(encoded.subarray(end + tail.length), payload), 'the payload is another one');
    return 'accepted';
  },
};

export const targets: readonly FuzzTarget[] = [json, canonical, base64, addChain, addChainAnswer, dsse];
