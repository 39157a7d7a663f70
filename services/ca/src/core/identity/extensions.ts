/**
 * The extensions 1.3.6.1.4.1.57264.1.N that describe where a certificate comes from, in certificate order.
 * `key` is the name in configuration, `name` the one error texts use. N=7 is a name type, not an extension.
 * SPEC: Fulcio oid-info, 1.3.6.1.4.1.57264.1.
 */
export const FULCIO_ARC = '1.3.6.1.4.1.57264.1';

/** Issuer (old and new form) and subject always come from the token and have no template. */
export const EXTENSION_FIELDS = [
  { n: 2, key: 'github-workflow-trigger', name: 'GithubWorkflowTrigger' },
  { n: 3, key: 'github-workflow-sha', name: 'GithubWorkflowSHA' },
  { n: 4, key: 'github-workflow-name', name: 'GithubWorkflowName' },
  { n: 5, key: 'github-workflow-repository', name: 'GithubWorkflowRepository' },
  { n: 6, key: 'github-workflow-ref', name: 'GithubWorkflowRef' },
  { n: 9, key: 'build-signer-uri', name: 'BuildSignerURI' },
  { n: 10, key: 'build-signer-digest', name: 'BuildSignerDigest' },
  { n: 11, key: 'runner-environment', name: 'RunnerEnvironment' },
  { n: 12, key: 'source-repository-uri', name: 'SourceRepositoryURI' },
  { n: 13, key: 'source-repository-digest', name: 'SourceRepositoryDigest' },
  { n: 14, key: 'source-repository-ref', name: 'SourceRepositoryRef' },
  { n: 15, key: 'source-repository-identifier', name: 'SourceRepositoryIdentifier' },
  { n: 16, key: 'source-repository-owner-uri', name: 'SourceRepositoryOwnerURI' },
  { n: 17, key: 'source-repository-owner-identifier', name: 'SourceRepositoryOwnerIdentifier' },
  { n: 18, key: 'build-config-uri', name: 'BuildConfigURI' },
  { n: 19, key: 'build-config-digest', name: 'BuildConfigDigest' },
  { n: 20, key: 'build-trigger', name: 'BuildTrigger' },
  { n: 21, key: 'run-invocation-uri', name: 'RunInvocationURI' },
  { n: 22, key: 'source-repository-visibility-at-signing', name: 'SourceRepositoryVisibilityAtSigning' },
  { n: 23, key: 'deployment-environment', name: 'DeploymentEnvironment' },
] as const;

export type ExtensionKey = (typeof EXTENSION_FIELDS)[number]['key'];

export const Extension = { issuer: 1, usernameType: 7, issuerV2: 8, subject: 24 } as const;

/** Up to N=6 the value stands raw; from 8 on it is a DER UTF8String. */
export const LAST_RAW_EXTENSION = 6;
