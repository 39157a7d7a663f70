import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleJson, Refused, type Sample, type Verifier } from './bundle.ts';
import { evaluatedEnvironment, plainEnvironment, programOf, temporaryFolder } from './environment.ts';
import { run, runOk } from './process.ts';
import { PREDICATE } from './statement.ts';
import { cosign } from './tools.ts';

export interface Cosign extends Verifier {
  /** What `sigstead env cosign` sets, in a home of its own. */
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  signBlob(artifact: Buffer, token: string): Promise<BundleJson>;
  attestBlob(artifact: Buffer, token: string): Promise<BundleJson>;
}

/** cosign with the settings that `sigstead env cosign` prints for this instance; nothing initialised. */
export async function cosignFor(url: string): Promise<Cosign> {
  const home = await temporaryFolder();
  const env = await evaluatedEnvironment('cosign', url, plainEnvironment(home, cosign));
  const program = programOf(cosign);
  const sign = async (
    command: string,
    more: readonly string[],
    artifact: Buffer,
    token: string,
  ): Promise<BundleJson> => {
    const folder = await mkdtemp(join(home, 'sign-'));
    await writeFile(join(folder, 'artifact.txt'), artifact);
    await writeFile(join(folder, 'predicate.json'), JSON.stringify(PREDICATE));
    const args = [command, '--yes', '--identity-token', token, '--bundle', 'bundle.json', ...more, 'artifact.txt'];
    await runOk(program, args, { env, cwd: folder });
    return JSON.parse(await readFile(join(folder, 'bundle.json'), 'utf8')) as BundleJson;
  };
  return {
    name: 'cosign',
    env,
    home,
    signBlob: (artifact, token) => sign('sign-blob', [], artifact, token),
    attestBlob: (artifact, token) =>
      sign('attest-blob', ['--type', 'slsaprovenance1', '--predicate', 'predicate.json'], artifact, token),
    verify: (sample) => verify(program, env, home, sample),
  };
}

async function verify(program: string, env: NodeJS.ProcessEnv, home: string, sample: Sample): Promise<void> {
  const folder = await mkdtemp(join(home, 'verify-'));
  await writeFile(join(folder, 'artifact.txt'), sample.artifact);
  await writeFile(join(folder, 'bundle.json'), JSON.stringify(sample.bundle));
  const command =
    sample.bundle.dsseEnvelope === undefined
      ? ['verify-blob']
      : ['verify-blob-attestation', '--type', 'slsaprovenance1'];
  const policy = ['--certificate-identity', sample.identity, '--certificate-oidc-issuer', sample.issuer];
  const args = [...command, '--bundle', 'bundle.json', ...policy, 'artifact.txt'];
  const { code, stdout, stderr } = await run(program, args, { env, cwd: folder });
  if (code !== 0) throw new Refused(`${stdout}${stderr}`);
}
