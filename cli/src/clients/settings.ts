import { join } from 'node:path';
import type { EnvClient } from '../flags/dev.ts';
import { oneLine } from '../failure.ts';
import { assignments, exportLines, shellWord } from '../shell.ts';
import type { KeptRoot } from './kept-root.ts';

/** Everything a client's lines are made of. */
export interface ClientContext {
  /** Of the instance, without a path. */
  readonly url: string;
  readonly root: KeptRoot;
  /** Words that run this program, and Node, from any folder. */
  readonly sigstead: string;
  readonly node: string;
  /** Path of the sigstore-js example. */
  readonly jsExample: string;
}

const IDENTITY = 'you@example.com';

/** Address of the TUF repository as clients want it: no slash at the end. */
export function tufUrl(url: string): string {
  return `${url}/tuf`;
}

/**
 * The settings of one client. For cosign these three are all: any service URL in its environment makes cosign 3 refuse
 * to sign, since the services come from the signing config.
 */
export function clientVariables(client: EnvClient, { url, root }: ClientContext): Record<string, string> {
  switch (client) {
    case 'cosign':
      return { TUF_MIRROR: tufUrl(url), TUF_ROOT_JSON: root.path, TUF_ROOT: join(root.folder, 'cosign') };
    case 'python':
      // Its trust store lies below these two and has no setting of its own.
      return {
        XDG_DATA_HOME: join(root.folder, 'python', 'data'),
        XDG_CACHE_HOME: join(root.folder, 'python', 'cache'),
      };
    case 'js':
    case 'go':
      return {
        SIGSTEAD_URL: url,
        SIGSTEAD_TUF_URL: tufUrl(url),
        SIGSTEAD_TUF_ROOT: root.path,
        SIGSTEAD_TUF_CACHE: join(root.folder, client),
        SIGSTEAD_ISSUER: `${url}/oidc`,
      };
  }
}

/** Commands to sign and verify `hello.txt`, each complete in itself, to be pasted anywhere. */
export function clientCommands(client: Exclude<EnvClient, 'go'>, context: ClientContext): string[] {
  const token = tokenWord(context);
  const env = assignments(clientVariables(client, context));
  return bareCommands(client, context, token).map((command) => env + command);
}

/** A token of this instance, as one word. The host of a URL may hold what a shell acts on. */
function tokenWord({ sigstead, url }: ClientContext): string {
  return `"$(${shellWord(sigstead)} token --email ${IDENTITY} --url ${shellWord(url)})"`;
}

function bareCommands(
  client: Exclude<EnvClient, 'go'>,
  { url, root, node, jsExample }: ClientContext,
  token: string,
): string[] {
  const issuer = shellWord(`${url}/oidc`);
  switch (client) {
    case 'cosign':
      return [
        `cosign sign-blob --yes --identity-token ${token} --bundle hello.cosign.json hello.txt`,
        `cosign verify-blob --bundle hello.cosign.json --certificate-identity ${IDENTITY} --certificate-oidc-issuer ${issuer} hello.txt`,
      ];
    case 'python': {
      const sigstore = `sigstore --instance ${shellWord(tufUrl(url))}`;
      return [
        `${sigstore} trust-instance ${shellWord(root.path)}`,
        `${sigstore} sign --identity-token ${token} --bundle hello.python.json hello.txt`,
        `${sigstore} verify identity --bundle hello.python.json --cert-identity ${IDENTITY} --cert-oidc-issuer ${issuer} hello.txt`,
      ];
    }
    case 'js': {
      const example = `${shellWord(node)} ${shellWord(jsExample)}`;
      return [
        `SIGSTEAD_TOKEN=${token} ${example} sign hello.txt hello.js.json`,
        `${example} verify hello.txt hello.js.json ${IDENTITY}`,
      ];
    }
  }
}

/** The shell block of `sigstead env`: comments and exports. `source` says where the root came from. */
export function envBlock(client: EnvClient, context: ClientContext, source: string): string {
  const lines = [
    `# ${client}, for the Sigstore at ${context.url}`,
    // A path may hold a line break, and what follows that is no comment any more.
    oneLine(`# TUF root with SHA-256 ${context.root.sha256}: ${source}`),
    ...exportLines(clientVariables(client, context)),
    ...(client === 'go' ? [] : ['# Then, for example:', ...envExamples(client, context)]),
  ];
  return `${lines.join('\n')}\n`;
}

function envExamples(client: Exclude<EnvClient, 'go'>, context: ClientContext): string[] {
  const token = tokenWord(context);
  return bareCommands(client, context, token).map((command) => oneLine(`#   ${command}`));
}
