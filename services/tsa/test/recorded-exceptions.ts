/** One recorded line that is answered otherwise, by its name. */
export interface RecordedException {
  kind: 'later' | 'departure';
  reason: string;
}

/** Every line of tsa.jsonl that is not answered alike. A line that is alike may not stand here. */
export const RECORDED_EXCEPTIONS: Readonly<Record<string, RecordedException>> = {
  "content-type '*/*' with DER body": {
    kind: 'departure',
    reason: 'upstream answers 500 to a client fault; here 415, with the text for a media type that is not taken',
  },
  'accept application/json': {
    kind: 'departure',
    reason: 'upstream answers 500 with an empty body; here 406: a token is only application/timestamp-reply',
  },
  'accept text/html': {
    kind: 'departure',
    reason: 'upstream answers 500 with an empty body and no media type; here 406',
  },
  'certchain accept application/json': {
    kind: 'departure',
    reason: 'upstream answers 500 with an empty body; here 406: the chain is only application/pem-certificate-chain',
  },
};
