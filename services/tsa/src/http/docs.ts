import { CERTCHAIN_PATH, SPEC_PATH, TIMESTAMP_PATH } from './paths.ts';

const error = {
  type: 'object',
  properties: { code: { type: 'integer' }, message: { type: 'string' } },
};

/** The two API paths as an OpenAPI 2.0 document. */
export const SPEC_JSON: string = JSON.stringify({
  swagger: '2.0',
  info: { title: 'Timestamp Authority', version: '1', description: 'RFC 3161 timestamps over HTTP.' },
  paths: {
    [TIMESTAMP_PATH]: {
      post: {
        operationId: 'getTimestampResponse',
        summary: 'Timestamp a digest',
        consumes: ['application/timestamp-query', 'application/json'],
        produces: ['application/timestamp-reply'],
        parameters: [{ in: 'body', name: 'request', required: true, schema: { type: 'string', format: 'binary' } }],
        responses: {
          200: { description: 'DER TimeStampResp', schema: { type: 'string', format: 'binary' } },
          default: { description: 'Refused', schema: error },
        },
      },
    },
    [CERTCHAIN_PATH]: {
      get: {
        operationId: 'getTimestampCertChain',
        summary: 'Certificates that verify the timestamps, leaf first',
        produces: ['application/pem-certificate-chain'],
        responses: {
          200: { description: 'PEM certificates', schema: { type: 'string' } },
          default: { description: 'Refused', schema: error },
        },
      },
    },
  },
});

/** One static page: no script, nothing loaded from elsewhere. */
export const DOCS_HTML = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Timestamp Authority</title></head>
<body>
<h1>Timestamp Authority</h1>
<p><code>POST ${TIMESTAMP_PATH}</code>: an RFC 3161 request (<code>application/timestamp-query</code>, DER) or
<code>application/json</code> with <code>artifactHash</code> (base64) and <code>hashAlgorithm</code>
(<code>sha256</code>, <code>sha384</code>, <code>sha512</code>). The answer is a DER TimeStampResp.</p>
<p><code>GET ${CERTCHAIN_PATH}</code>: the certificates that verify it, PEM, leaf first.</p>
<p>Machine-readable: <a href="${SPEC_PATH}">${SPEC_PATH}</a></p>
</body>
</html>
`;
