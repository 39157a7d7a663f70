import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleJson, Refused, type Sample, type Verifier } from './bundle.ts';
import { evaluatedEnvironment, plainEnvironment, programOf, shell, temporaryFolder, variable } from './environment.ts';
import { run, runOk } from './process.ts';
import { PREDICATE, PREDICATE_TYPE } from './statement.ts';
import { sigstorePython } from './tools.ts';

export interface SigstorePython extends Verifier {
  /** What `sigstead env python` sets, in a home of its own. */
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  sign(artifact: Buffer, token: string): Promise<BundleJson>;
  attest(artifact: Buffer, token: string): Promise<BundleJson>;
}

const TRUST = 'sigstore --instance "$1/tuf" trust-instance "$2"';

/** sigstore-python that trusts this instance, in folders that `sigstead env python` prints. */
export async function sigstorePythonFor(url: string, rootPath: string): Promise<SigstorePython> {
  const home = await temporaryFolder();
  const env = await evaluatedEnvironment('python', url, plainEnvironment(home, sigstorePython));
  for (const name of ['XDG_DATA_HOME', 'XDG_CACHE_HOME']) {
    if (!variable(env, name).startsWith(home)) throw new Error(`${name} is outside of the home`);
  }
  await shell(TRUST, [url, rootPath], env);
  const program = programOf(sigstorePython);
  const instance = ['--instance', `${url}/tuf`];
  const sign = async (command: readonly string[], artifact: Buffer, token: string): Promise<BundleJson> => {
    const folder = await mkdtemp(join(home, 'sign-'));
    await writeFile(join(folder, 'artifact.txt'), artifact);
    await writeFile(join(folder, 'predicate.json'), JSON.stringify(PREDICATE));
    const args = [...instance, ...command, '--identity-token', token, '--bundle', 'bundle.json', 'artifact.txt'];
    await runOk(program, args, { env, cwd: folder });
    return JSON.parse(await readFile(join(folder, 'bundle.json'), 'utf8')) as BundleJson;
  };
  const attest = ['attest', '--predicate', 'predicate.json', '--predicate-type', PREDICATE_TYPE];
  return {
    name: 'sigstore-python',
    env,
    home,
    sign: (artifact, token) => sign(['sign'], artifact, token),
    attest: (artifact, token) => sign(attest, artifact, token),
    async verify(sample: Sample): Promise<void> {
      const folder = await mkdtemp(join(home, 'verify-'));
      await writeFile(join(folder, 'artifact.txt'), sample.artifact);
      await writeFile(join(folder, 'bundle.json'), JSON.stringify(sample.bundle));
      const policy = ['--cert-identity', sample.identity, '--cert-oidc-issuer', sample.issuer];
      const args = [...instance, 'verify', 'identity', '--bundle', 'bundle.json', ...policy, 'artifact.txt'];
      const { code, stdout, stderr } = await run(program, args, { env, cwd: folder });
      if (code !== 0) throw new Refused(`${stdout}${stderr}`);
    },
  };
}
