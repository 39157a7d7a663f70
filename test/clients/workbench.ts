import assert from 'node:assert/strict';
import { type Instance, type InstanceOptions, sharedInstance } from '../instance/index.ts';
import { type BundleJson, leafOf, onlyEntry, type Sample, signatureOf, timestampOf } from './bundle.ts';
import { type Authorities, checkEveryCertificate, fetchAuthorities } from './certificates.ts';
import {
  evaluatedEnvironment,
  missingProgram,
  plainEnvironment,
  printedToken,
  printedTokenWith,
  temporaryFolder,
  variable,
} from './environment.ts';
import { type Openssl, opensslIn } from './openssl.ts';
import type { JsTrust } from './sigstore-js.ts';

/** An instance, what its users need, and a book of the bundles made with it. */
export interface Workbench<I extends Pick<Instance, 'url'> = Instance> {
  readonly instance: I;
  readonly identity: string;
  readonly issuer: string;
  /** As `sigstead token` prints it, for `identity`. */
  readonly token: string;
  /** As `sigstead env js` prints it. */
  readonly js: JsTrust;
  readonly authorities: Authorities;
  /** Checks the bundle's certificate, timestamp and proof with other eyes and makes a sample of it. */
  sample(name: string, bundle: BundleJson, artifact: Buffer, by?: Signatory): Promise<Sample>;
  /** What `sigstead token --issuer KIND --claims FILE` prints for claims on standard input. */
  tokenWith(kind: 'uri' | 'ci', claims: Readonly<Record<string, string>>): Promise<string>;
}

/** Whom a certificate names. */
export type Signatory = Pick<Sample, 'identity' | 'issuer'>;

const IDENTITY = 'you@example.com';

/** One workbench for all tests of a file, made when this is awaited, outside of tests. */
export async function sharedWorkbench(options: InstanceOptions = {}): Promise<Workbench> {
  return workbenchFor(await sharedInstance(options));
}

/** A workbench for an instance that somebody else runs. */
export async function workbenchFor<I extends Pick<Instance, 'url'>>(instance: I): Promise<Workbench<I>> {
  const home = await temporaryFolder();
  const plain = plainEnvironment(home);
  const [env, token] = await Promise.all([
    evaluatedEnvironment('js', instance.url, plain),
    printedToken(IDENTITY, instance.url, plain),
  ]);
  const js = {
    tufUrl: variable(env, 'SIGSTEAD_TUF_URL'),
    rootPath: variable(env, 'SIGSTEAD_TUF_ROOT'),
    cachePath: variable(env, 'SIGSTEAD_TUF_CACHE'),
  };
  const issuer = variable(env, 'SIGSTEAD_ISSUER');
  const authorities = await fetchAuthorities(js);
  const openssl = (await missingProgram('openssl', 'version')) === false ? opensslIn(home) : undefined;
  return {
    instance,
    identity: IDENTITY,
    issuer,
    token,
    js,
    authorities,
    tokenWith: (kind, claims) => printedTokenWith(kind, claims, instance.url, plain),
    async sample(name, bundle, artifact, by = { identity: IDENTITY, issuer }) {
      await checkEveryCertificate(bundle, authorities);
      if (openssl !== undefined) await checkWithOpenssl(bundle, authorities, openssl);
      assert.ok((onlyEntry(bundle).inclusionProof.hashes ?? []).length > 0, 'the proof is not empty');
      return { name, bundle, artifact, ...by };
    },
  };
}

/** The signer's chain, and the timestamp over its signature. */
async function checkWithOpenssl(bundle: BundleJson, authorities: Authorities, openssl: Openssl): Promise<void> {
  await openssl.verifyChain([leafOf(bundle), ...authorities.issuing], 'any');
  await openssl.verifyTimestamp(timestampOf(bundle), { data: signatureOf(bundle) }, authorities.timestamping);
}
