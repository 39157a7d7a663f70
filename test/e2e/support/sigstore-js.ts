import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { SerializedBundle } from '@sigstore/bundle';
import { checkTrustedRoot, type VerificationModel } from '@sigstead/formats';
import { type BundleVerifier, createVerifier, verify } from 'sigstore';
import type { BundleJson } from '../../clients/bundle.ts';
import { fetchTarget, type JsSignRequest, type JsTrust, signWithJs } from '../../clients/sigstore-js.ts';
import type { Instance } from '../../instance/index.ts';

/** Whom a verifier expects as signer. */
export interface ExpectedSigner {
  readonly email?: string;
  readonly uri?: string;
  readonly issuer: string;
}

/**
 * sigstore-js against one instance. All it knows comes from the instance's TUF repository and its initial root, kept in
 * a cache folder of its own.
 */
export class SigstoreJs {
  readonly #trust: JsTrust;

  private constructor(trust: JsTrust) {
    this.#trust = trust;
  }

  /** `folder`: where the cache folder is made. */
  static async of(instance: Pick<Instance, 'url' | 'ready'>, folder: string): Promise<SigstoreJs> {
    const cachePath = await mkdtemp(join(folder, 'sigstore-js-'));
    return new SigstoreJs({ tufUrl: `${instance.url}/tuf`, rootPath: instance.ready.tufRoot, cachePath });
  }

  /** A target of the TUF repository, as text. */
  target(name: string): Promise<string> {
    return fetchTarget(this.#trust, name);
  }

  /** The published trust material, in our own terms. */
  async trust(): Promise<VerificationModel> {
    return checkTrustedRoot(JSON.parse(await this.target('trusted_root.json')));
  }

  signMessage(data: Buffer, token: string): Promise<SerializedBundle> {
    return this.#sign('messageSignature', data, token);
  }

  /** Signs an in-toto statement in a DSSE envelope. */
  attest(statement: Buffer, token: string): Promise<SerializedBundle> {
    return this.#sign('dsseEnvelope', statement, token);
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
    const { tufUrl: tufMirrorURL, rootPath: tufRootPath, cachePath: tufCachePath } = this.#trust;
    return {
      tufMirrorURL,
      tufRootPath,
      tufCachePath,
      certificateIssuer: issuer,
      ...(email === undefined ? {} : { certificateIdentityEmail: email }),
      ...(uri === undefined ? {} : { certificateIdentityURI: uri }),
    };
  }

  async #sign(kind: JsSignRequest['kind'], data: Buffer, token: string): Promise<SerializedBundle> {
    const bundle: BundleJson = await signWithJs({ trust: this.#trust, token, kind, data });
    return bundle as unknown as SerializedBundle;
  }
}
