/** What is fetched, and for which issuer. */
export interface FetchRequest {
  readonly url: string;
  readonly issuer: string;
}

/**
 * Gets the bytes of a small JSON document. Resolves only for status 200; rejects for everything else, for bodies over
 * 1 MiB, after 5 s, and for redirects that leave the host. No retries, no caching; safe to call concurrently.
 */
export type FetchJson = (request: FetchRequest) => Promise<Uint8Array>;
