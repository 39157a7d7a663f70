import type { JsonObject } from '@sigstead/formats';
import { identityTokenError } from '../errors.ts';
import type { VerifiedToken } from '../ports.ts';
import { fieldClaim, textClaim } from './claims.ts';
import { asciiName, extensionList, type Principal } from './principal.ts';
import { mappedUri } from './uri.ts';

export interface KubernetesRule {
  readonly type: 'kubernetes';
}

/**
 * A service account of a cluster; proof over `sub`. A token that names no account is refused: upstream would certify
 * `…/namespaces//serviceaccounts/`, which is nobody. SPEC: Kubernetes service account tokens, claim `kubernetes.io`
 */
export function kubernetesPrincipal(_rule: KubernetesRule, token: VerifiedToken): Principal {
  const { subject, issuer } = token;
  const cluster = section(token.claims, 'kubernetes.io');
  const account = section(cluster, 'serviceaccount');
  const pod = fieldClaim(cluster, 'pod');
  if (pod !== undefined && pod.kind !== 'object') throw identityTokenError('claim pod is not an object');
  const namespace = textClaim(cluster, 'namespace');
  const name = textClaim(account, 'name');
  if (namespace === '' || name === '') throw identityTokenError('token names no service account');
  return {
    challenge: subject,
    identity: () => {
      const uri = mappedUri(`https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}`);
      return { name: asciiName('uri', uri), extensions: extensionList({ issuer, subject }) };
    },
  };
}

function section(claims: JsonObject, name: string): JsonObject {
  const value = fieldClaim(claims, name);
  if (value?.kind !== 'object') throw identityTokenError(`claim ${name} is not an object`);
  return value;
}
