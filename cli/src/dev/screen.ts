import { type ClientContext, clientCommands } from '../clients/settings.ts';

export interface ScreenInput {
  readonly url: string;
  readonly metricsUrl: string;
  readonly dataDir: string;
  readonly configuration: string;
  readonly addresses: readonly string[];
  readonly grpc: string | undefined;
  readonly clients: ClientContext;
}

/** What a person sees when everything answers. */
export function readyScreen(input: ScreenInput): string {
  const { url, clients } = input;
  return `
Sigstead is ready at ${url}  (listening on ${input.addresses.join(', ')})
It is a development instance: it certifies whatever it is told.${addressNote(input.addresses)}

  Fulcio, Rekor v2   ${url}
${input.grpc === undefined ? '' : `  Rekor v2 by gRPC   ${input.grpc}\n`}  Timestamps         ${url}/api/v1/timestamp
  CT log             ${url}/ct/dev/
  Issuer             ${url}/oidc
  TUF repository     ${url}/tuf/
  TUF root SHA-256   ${clients.root.sha256}
  TUF root file      ${clients.root.path}
  Readiness          ${url}/readyz
  Metrics            ${input.metricsUrl}
  Data               ${input.dataDir}
  Configuration      ${input.configuration}

Sign and verify from another shell; each line works as it stands:

  echo hello > hello.txt

${block('cosign 3', clientCommands('cosign', clients))}
${block('sigstore-python 4', clientCommands('python', clients))}
${block('sigstore-js', clientCommands('js', clients))}
Ctrl-C stops it. ${clients.sigstead} --help says more.
`;
}

function block(title: string, commands: readonly string[]): string {
  return `  # ${title}\n${commands.map((command) => `  ${command}\n`).join('')}`;
}

/**
 * Whoever can reach the port can be anyone: that must not happen unnoticed. Nor must a missing ::1, which some clients
 * try first.
 */
function addressNote(addresses: readonly string[]): string {
  if (addresses.length === 1 && addresses[0]?.startsWith('127.') === true) {
    return '\nIt has no IPv6 address: clients that resolve localhost to ::1 only do not reach it.';
  }
  const isOpen = addresses.some((address) => !/^(127\.|\[::1\])/.test(address));
  return isOpen ? '\nWARNING: it listens beyond this machine. Whoever reaches it gets a certificate in any name.' : '';
}
