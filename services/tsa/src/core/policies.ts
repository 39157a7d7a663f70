import { encodeOidContent } from '@sigstead/formats';
import { TsaSetupError } from './errors.ts';
import { MAX_OID_COMPONENTS, type RequestPolicy } from './request.ts';

/** The policy Sigstore's own authority uses. SPEC: sigstore timestamp-authority policy document. */
export const SIGSTORE_POLICY = '1.3.6.1.4.1.57264.2';

export interface PolicyOptions {
  /** Dotted. Default: SIGSTORE_POLICY. */
  defaultPolicy?: string;
  /** Dotted, the default among them. Default: only the default. */
  acceptedPolicies?: readonly string[];
  /** Echo the extensions of a request into the token instead of refusing it. Default false. */
  allowCustomExtensions?: boolean;
}

/** Checks the configured policies. Throws TsaSetupError. */
export function requestPolicy(options: PolicyOptions): RequestPolicy {
  const defaultPolicy = options.defaultPolicy ?? SIGSTORE_POLICY;
  const acceptedPolicies = [...(options.acceptedPolicies ?? [defaultPolicy])];
  for (const policy of [defaultPolicy, ...acceptedPolicies]) checkDotted(policy);
  if (!acceptedPolicies.includes(defaultPolicy))
    throw new TsaSetupError('policy_default_refused', {
      message: `the default policy ${defaultPolicy} is not among the accepted ones`,
      remedy: 'add it to acceptedPolicies',
    });
  return { defaultPolicy, acceptedPolicies, allowCustomExtensions: options.allowCustomExtensions ?? false };
}

function checkDotted(policy: string): void {
  try {
    encodeOidContent(policy);
    if (policy.split('.').length <= MAX_OID_COMPONENTS) return;
  } catch {
    // Told in our own words below.
  }
  throw new TsaSetupError('policy_invalid', {
    message: `policy ${JSON.stringify(policy.slice(0, 80))} is no object identifier`,
    remedy: 'write it dotted, for example 1.3.6.1.4.1.57264.2',
  });
}
