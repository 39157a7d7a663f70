// Signs a file with sigstore-js against a private Sigstore (`attest` takes it for an in-toto statement), or verifies it. Rekor v2 needs the signing config: the
// plain `sigstore.sign` knows only Rekor v1.
//
//   eval "$(sigstead env js)"
//   SIGSTEAD_TOKEN="$(sigstead token --email you@example.com)" node sigstore-js.mjs sign FILE BUNDLE
//   node sigstore-js.mjs verify FILE BUNDLE you@example.com
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bundleToJSON } from '@sigstore/bundle';
import { SigningConfig } from '@sigstore/protobuf-specs';
import { bundleBuilderFromSigningConfig } from '@sigstore/sign';
import { initTUF } from '@sigstore/tuf';
import { verify } from 'sigstore';

const [action, file, bundleFile, identity] = process.argv.slice(2);
const { SIGSTEAD_TUF_URL, SIGSTEAD_TUF_ROOT, SIGSTEAD_TUF_CACHE, SIGSTEAD_ISSUER, SIGSTEAD_TOKEN } = process.env;
if (!file || !bundleFile || !SIGSTEAD_TUF_URL || !SIGSTEAD_TUF_ROOT || !SIGSTEAD_TUF_CACHE) {
  throw new Error('usage: sigstore-js.mjs sign|attest|verify FILE BUNDLE [IDENTITY], after: eval "$(sigstead env js)"');
}
mkdirSync(SIGSTEAD_TUF_CACHE, { recursive: true });
const data = readFileSync(file);

if (action === 'sign' || action === 'attest') {
  const tuf = await initTUF({
    mirrorURL: SIGSTEAD_TUF_URL,
    rootPath: SIGSTEAD_TUF_ROOT,
    cachePath: SIGSTEAD_TUF_CACHE,
    forceInit: false,
  });
  const signingConfig = SigningConfig.fromJSON(JSON.parse(await tuf.getTarget('signing_config.v0.2.json')));
  const builder = bundleBuilderFromSigningConfig({
    signingConfig,
    identityProvider: { getToken: async () => SIGSTEAD_TOKEN },
    bundleType: action === 'sign' ? 'messageSignature' : 'dsseEnvelope',
  });
  const bundle = await builder.create({ data, type: 'application/vnd.in-toto+json' });
  writeFileSync(bundleFile, JSON.stringify(bundleToJSON(bundle)));
  console.log(`signed: ${bundleFile}`);
} else {
  await verify(JSON.parse(readFileSync(bundleFile, 'utf8')), data, {
    tufMirrorURL: SIGSTEAD_TUF_URL,
    tufRootPath: SIGSTEAD_TUF_ROOT,
    tufCachePath: SIGSTEAD_TUF_CACHE,
    certificateIdentityEmail: identity,
    certificateIssuer: SIGSTEAD_ISSUER,
  });
  console.log(`verified: ${file} was signed by ${identity}`);
}
