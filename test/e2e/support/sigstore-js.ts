import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleToJSON, type SerializedBundle } from '@sigstore/bundle';
import { checkTrustedRoot, type VerificationModel } from '@sigstead/formats';
import { SigningConfig } from '@sigstore/protobuf-specs';
import { bundleBuilderFromSigningConfig } from '@sigstore/sign';
import { initTUF, type TUF } from '@sigstore/tuf';
import { type BundleVerifier, createVerifier, verify } from 'sigstore';
import type { Instance } from '../../instance/index.ts';

/** Whom a verifier expects as signer. */
export interface ExpectedSigner {
  readonly email?: string;
  readonly uri?: string;
  readonly issuer: string;
}

export const IN_TOTO = 'application/vnd.in-toto+json';

/**
 * sigstore-js against one instance. All it knows comes from the instance's TUF repository and its initial root, kept in
 * a cache folder of its own.
 */
export class SigstoreJs {
  readonly #at: { mirrorURL: string; rootPath: string; cachePath: string };

  private constructor(at: { mirrorURL: string; rootPath: string; cachePath: string }) {
    this.#at = at;
  }

  /** `folder`: where the cache folder is made. */
  static async of(instance: Pick<Instance, 'url' | 'ready'>, folder = tmpdir()): Promise<SigstoreJs> {
    const cachePath = await mkdtemp(join(folder, 'sigstore-js-'));
    return new SigstoreJs({ mirrorURL: `${instance.url}/tuf`, rootPath: instance.ready.tufRoot, cachePath });
  }

  /** The TUF client, refreshed. */
  tuf(): Promise<TUF> {
    return initTUF({ ...this.#at, forceInit: false });
  }

  /** The published trust material, in our own terms. */
  async trust(): Promise<VerificationModel> {
    const tuf = await this.tuf();
    return checkTrustedRoot(JSON.parse(await tuf.getTarget('trusted_root.json')));
  }

  signMessage(data: Buffer, token: string): Promise<SerializedBundle> {
    return this.#sign('messageSignature', { data }, token);
  }

  /** Signs an in-toto statement in a DSSE envelope. */
  attest(statement: unknown, token: string): Promise<SerializedBundle> {
    return this.#sign('dsseEnvelope', { data: Buffer.from(JSON.stringify(statement)), type: IN_TOTO }, token);
  }

  /** Fetches trust material and verifies. `data` for message signatures only. Rejects when it refuses. */
  async verify(bundle: SerializedBundle, signer: ExpectedSigner, data?: Buffer): Promise<void> {
    const options = this.#verifyOptions(signer);
    await (data === undefined ? verify(bundle, options) : verify(bundle, data, options));
  }

  /** A verifier with the trust material of now, for many bundles. */
  verifier(signer: ExpectedSigner): Promise<BundleVerifier> {
    return createVerifier(this.#verifyOptions(signer));
  }

  #verifyOptions({ email, uri, issuer }: ExpectedSigner): Parameters<typeof createVerifier>[0] {
    const { mirrorURL: tufMirrorURL, rootPath: tufRootPath, cachePath: tufCachePath } = this.#at;
    return {
      tufMirrorURL,
      tufRootPath,
      tufCachePath,
      certificateIssuer: issuer,
      ...(email === undefined ? {} : { certificateIdentityEmail: email }),
      ...(uri === undefined ? {} : { certificateIdentityURI: uri }),
    };
  }

  async #sign(
    bundleType: 'messageSignature' | 'dsseEnvelope',
    artifact: { data: Buffer; type?: string },
    token: string,
  ): Promise<SerializedBundle> {
    const tuf = await this.tuf();
    const signingConfig = SigningConfig.fromJSON(JSON.parse(await tuf.getTarget('signing_config.v0.2.json')));
    const identityProvider = { getToken: () => Promise.resolve(token) };
    const builder = bundleBuilderFromSigningConfig({ signingConfig, identityProvider, bundleType });
    return bundleToJSON(await builder.create(artifact));
  }
}

/** The parts of a bundle that tests look at. */
export function leafOf(bundle: SerializedBundle): Buffer<ArrayBuffer> {
  const { certificate, x509CertificateChain } = bundle.verificationMaterial;
  // sigstore-js writes message signatures with a chain of one.
  const raw = (certificate ?? x509CertificateChain?.certificates[0])?.rawBytes;
  if (raw === undefined) throw new Error('the bundle has no certificate');
  return Buffer.from(raw, 'base64');
}

/** An in-toto statement about an artifact's SHA-256. */
export function statementAbout(name: string, sha256: string): Record<string, unknown> {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256 } }],
    predicateType: 'https://example.com/test/v1',
    predicate: { ok: true },
  };
}
