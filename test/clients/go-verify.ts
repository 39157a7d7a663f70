import { Refused, type Sample, type Verifier } from './bundle.ts';
import { evaluatedEnvironment, plainEnvironment, programOf, temporaryFolder, variable } from './environment.ts';
import { runOk } from './process.ts';
import { goVerify } from './tools.ts';

/** Our program on sigstore-go, with what `sigstead env go` prints. */
export async function goVerifierFor(url: string): Promise<Verifier> {
  const home = await temporaryFolder();
  const env = await evaluatedEnvironment('go', url, plainEnvironment(home, goVerify));
  const args = ['SIGSTEAD_TUF_URL', 'SIGSTEAD_TUF_ROOT', 'SIGSTEAD_TUF_CACHE'].map((name) => variable(env, name));
  return {
    name: 'sigstore-go',
    async verify({ bundle, artifact, identity, issuer }: Sample): Promise<void> {
      const question = { bundle, artifact: artifact.toString('base64'), identity, issuer };
      const { stdout } = await runOk(programOf(goVerify), args, { env, input: `${JSON.stringify(question)}\n` });
      const verdict = JSON.parse(stdout) as { ok: boolean; error?: string };
      if (!verdict.ok) throw new Refused(verdict.error);
    },
  };
}
