import type { InitFlags } from '../flags/serve.ts';

/** JSON of a text is YAML of it too. */
const yaml = (value: string): string => JSON.stringify(value);

/** A configuration of all services behind one URL, with the keys of `sigstead init` beside it. */
export function initialConfiguration({ url, database, listen, organization }: InitFlags): string {
  const at = `listen: ${yaml(listen)}`;
  const site = `${at}\n  publicUrl: ${yaml(url)}`;
  return `# All services of ${JSON.stringify(organization)} behind one URL. \`sigstead config print-example\` explains every key.
version: 1

# What must not go back even when the database does: put it on another volume than the database's.
stateFolder: state

metrics:
  listen: 127.0.0.1:9464

database:
  url: ${yaml(database)}
  # passwordEnv: SIGSTEAD_DATABASE_PASSWORD
  # migrationUrl: another role that owns the tables; the one of url can then change or delete no entry

logs:
  - name: rekor
    kind: rekor-v2
    ${at}
    publicUrl: ${yaml(url)}
    keyFile: keys/rekor.key.pem
  - name: ct
    kind: ct
    ${at}
    publicUrl: ${yaml(`${url}/ct/one`)}
    keyFile: keys/ct.key.pem
    # Chains that lead to the root of the ca below are accepted, also when it is given another one.
    extKeyUsages: [CodeSigning]

ca:
  ${site}
  chainFile: keys/ca-chain.crt.pem
  keyFile: keys/ca-intermediate.key.pem
  ct: {log: ct}
  # Who is believed: put your own issuers here, and in tuf.oidcUrls those that people log in at.
  issuers:
    oidc-issuers:
      https://token.actions.githubusercontent.com:
        client-id: sigstore
        type: ci-provider
        ci-provider: github-workflow

tsa:
  ${site}
  chainFile: keys/tsa-chain.crt.pem
  keyFile: keys/tsa-leaf.key.pem

tuf:
  ${at}
  publicUrl: ${yaml(`${url}/tuf`)}
  operator: ${yaml(new URL(url).hostname)}
  oidcUrls: []
  # root and targets are needed only when the trust material changes: without these two lines it is merely renewed.
  keys:
    root: keys/tuf-root.key.pem
    targets: keys/tuf-targets.key.pem
    snapshot: keys/tuf-snapshot.key.pem
    timestamp: keys/tuf-timestamp.key.pem
`;
}
