import { Outage } from './errors.ts';
import type { Issue } from './issuer.ts';
import type { AcceptedRequest } from './request.ts';

export interface Health {
  /** The same, watched. */
  issue: Issue;
  /** The outage that the last attempt ended in, after trying once more if there was one; undefined when all is well. */
  trouble(): Promise<Outage | undefined>;
}

/**
 * Remembers how the last token ended. While there is trouble, asking about it makes a token that nobody gets: a server
 * taken out of service because of its key comes back by itself when the key does, without a client's request.
 */
export function watchHealth(issue: Issue, policy: string): Health {
  let trouble: Outage | undefined;
  const watched: Issue = async (request) => {
    try {
      const response = await issue(request);
      trouble = undefined;
      return response;
    } catch (error) {
      if (error instanceof Outage) trouble = error;
      throw error;
    }
  };
  return {
    issue: watched,
    async trouble() {
      if (trouble === undefined) return undefined;
      try {
        await watched(probe(policy));
      } catch (error) {
        if (!(error instanceof Outage)) throw error;
      }
      return trouble;
    },
  };
}

/** An imprint of zeros: the digest of nothing known. */
function probe(policy: string): AcceptedRequest {
  const digest = new Uint8Array(32);
  return { hash: 'sha256', digest, policy, nonce: undefined, certReq: false, extensions: [], accepted: true };
}
