/**
 * Claims as a workflow run on GitHub Actions presents them, for the login page of the ci issuer and as a pattern for
 * one's own file. The names are the ones that the CA's `github-workflow` mapping reads.
 */
export function exampleCiClaims(): Record<string, string> {
  const workflow = 'octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main';
  const commit = '0123456789abcdef0123456789abcdef01234567';
  return {
    sub: 'repo:octo-org/octo-repo:ref:refs/heads/main',
    actor: 'octocat',
    actor_id: '12',
    event_name: 'push',
    job_workflow_ref: workflow,
    job_workflow_sha: commit,
    ref: 'refs/heads/main',
    ref_type: 'branch',
    repository: 'octo-org/octo-repo',
    repository_id: '74',
    repository_owner: 'octo-org',
    repository_owner_id: '65',
    repository_visibility: 'private',
    run_attempt: '1',
    run_id: '1234567890',
    run_number: '10',
    runner_environment: 'self-hosted',
    sha: commit,
    workflow: 'release',
    workflow_ref: workflow,
    workflow_sha: commit,
  };
}

/** A subject that the uri issuer may speak for: scheme and host of the issuer itself, without its port. */
export function exampleUriSubject(publicUrl: string): string {
  const url = new URL(publicUrl);
  return `${url.protocol}//${url.hostname}/people/you`;
}
