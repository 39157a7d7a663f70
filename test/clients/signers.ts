import type { Sample, Verifier } from './bundle.ts';
import { cosignFor } from './cosign.ts';
import { isInstalled } from './environment.ts';
import { goVerifierFor } from './go-verify.ts';
import { jsVerifier, signWithJs } from './sigstore-js.ts';
import { sigstorePythonFor } from './sigstore-python.ts';
import { statementAbout } from './statement.ts';
import { cosign, goVerify, sigstorePython } from './tools.ts';
import type { Instance } from '../instance/index.ts';
import type { Workbench } from './workbench.ts';

type AnyBench = Workbench<Pick<Instance, 'url'>>;

/** A client that signs in both ways. */
export interface Signer {
  readonly name: string;
  message(artifact: Buffer): Promise<Sample>;
  statement(artifact: Buffer): Promise<Sample>;
}

/** All clients that this machine can run, for one instance. */
export interface Clients {
  readonly signers: readonly Signer[];
  readonly verifiers: readonly Verifier[];
}

/** Prepares every client; nothing is signed by it. */
export async function clientsFor(bench: AnyBench): Promise<Clients> {
  const { url } = bench.instance;
  const signers: Signer[] = [jsSigner(bench)];
  const verifiers: Verifier[] = [jsVerifier(bench.js)];
  if (isInstalled(cosign)) {
    const client = await cosignFor(url);
    verifiers.push(client);
    signers.push(
      signerOf('cosign', bench, {
        message: (artifact) => client.signBlob(artifact, bench.token),
        statement: (artifact) => client.attestBlob(artifact, bench.token),
      }),
    );
  }
  if (isInstalled(sigstorePython)) {
    const client = await sigstorePythonFor(url, bench.js.rootPath);
    verifiers.push(client);
    signers.push(
      signerOf('sigstore-python', bench, {
        message: (artifact) => client.sign(artifact, bench.token),
        statement: (artifact) => client.attest(artifact, bench.token),
      }),
    );
  }
  if (isInstalled(goVerify)) verifiers.push(await goVerifierFor(url));
  return { signers, verifiers };
}

function jsSigner(bench: AnyBench): Signer {
  const { js: trust, token } = bench;
  return signerOf('sigstore-js', bench, {
    message: (data) => signWithJs({ trust, token, kind: 'messageSignature', data }),
    statement: (artifact) => signWithJs({ trust, token, kind: 'dsseEnvelope', data: statementAbout(artifact) }),
  });
}

type Making = Record<'message' | 'statement', (artifact: Buffer) => Promise<Sample['bundle']>>;

function signerOf(name: string, bench: AnyBench, make: Making): Signer {
  return {
    name,
    message: async (artifact) => bench.sample(`${name}'s message signature`, await make.message(artifact), artifact),
    statement: async (artifact) => bench.sample(`${name}'s statement`, await make.statement(artifact), artifact),
  };
}
