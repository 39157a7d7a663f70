import type { CiProviderSettings } from './identity/ci-provider.ts';

/** A claim of CircleCI: names with a slash are only reached through `index`. */
const circle = (name: string): string => `{{(index . "oidc.circleci.com/${name}")}}`;

const CIRCLE_DEFINITION = `{{.api_url}}/projects/${circle('project-id')}/pipeline-definitions/${circle('pipeline-definition-id')}`;
const BUDDY_PROJECT = '{{ .base_url }}/{{ .workspace_domain }}/{{ .project_name }}';
const BUDDY_PIPELINE = `${BUDDY_PROJECT}/pipelines/pipeline/{{ .pipeline_id }}`;

/**
 * The mappings that ship with the product, by provider name; configuration may replace each.
 * SPEC: Fulcio oid-info, "Mapping OIDC token claims to Fulcio OIDs".
 */
export const SHIPPED_PROVIDERS: Readonly<Record<string, CiProviderSettings>> = {
  'github-workflow': {
    'default-template-values': { url: 'https://github.com', environment: '' },
    'extension-templates': {
      'github-workflow-trigger': 'event_name',
      'github-workflow-sha': 'sha',
      'github-workflow-name': 'workflow',
      'github-workflow-repository': 'repository',
      'github-workflow-ref': 'ref',
      'build-signer-uri': '{{ .url }}/{{ .job_workflow_ref }}',
      'build-signer-digest': 'job_workflow_sha',
      'runner-environment': 'runner_environment',
      'source-repository-uri': '{{ .url }}/{{ .repository }}',
      'source-repository-digest': 'sha',
      'source-repository-ref': 'ref',
      'source-repository-identifier': 'repository_id',
      'source-repository-owner-uri': '{{ .url }}/{{ .repository_owner }}',
      'source-repository-owner-identifier': 'repository_owner_id',
      'build-config-uri': '{{ .url }}/{{ .workflow_ref }}',
      'build-config-digest': 'workflow_sha',
      'build-trigger': 'event_name',
      'run-invocation-uri': '{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}',
      'source-repository-visibility-at-signing': 'repository_visibility',
      'deployment-environment': 'environment',
    },
    'subject-alternative-name-template': '{{ .url }}/{{ .job_workflow_ref }}',
  },
  'gitlab-pipeline': {
    'default-template-values': { url: 'https://gitlab.com', environment: '' },
    'extension-templates': {
      'build-signer-uri': 'https://{{ .ci_config_ref_uri }}',
      'build-signer-digest': 'ci_config_sha',
      'runner-environment': 'runner_environment',
      'source-repository-uri': '{{ .url }}/{{ .project_path }}',
      'source-repository-digest': 'sha',
      'source-repository-ref': 'refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}',
      'source-repository-identifier': 'project_id',
      'source-repository-owner-uri': '{{ .url }}/{{ .namespace_path }}',
      'source-repository-owner-identifier': 'namespace_id',
      'build-config-uri': 'https://{{ .ci_config_ref_uri }}',
      'build-config-digest': 'ci_config_sha',
      'build-trigger': 'pipeline_source',
      'run-invocation-uri': '{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}',
      'source-repository-visibility-at-signing': 'project_visibility',
      'deployment-environment': 'environment',
    },
    'subject-alternative-name-template': 'https://{{ .ci_config_ref_uri }}',
  },
  'codefresh-workflow': {
    'default-template-values': {
      platform_url: 'https://g.codefresh.io',
      scm_repo_url: '',
      scm_ref: '',
      runner_environment: '',
    },
    'extension-templates': {
      'build-signer-uri': '{{.platform_url}}/build/{{ .workflow_id }}',
      'runner-environment': 'runner_environment',
      'source-repository-uri': 'scm_repo_url',
      'source-repository-ref': 'scm_ref',
      'build-config-uri': '{{.platform_url}}/api/pipelines/{{ .pipeline_id }}',
      'run-invocation-uri': '{{.platform_url}}/build/{{ .workflow_id }}',
    },
    'subject-alternative-name-template':
      '{{.platform_url}}/{{.account_name}}/{{.pipeline_name}}:{{.account_id}}/{{.pipeline_id}}',
  },
  'buildkite-job': {
    'default-template-values': { url: 'https://buildkite.com' },
    'extension-templates': {
      'run-invocation-uri': '{{.url}}/{{.organization_slug}}/{{.pipeline_slug}}/builds/{{.build_number}}#{{.job_id}}',
      'runner-environment': 'runner_environment',
      'source-repository-digest': 'build_commit',
      'build-trigger': 'build_source',
    },
    'subject-alternative-name-template': '{{.url}}/{{.organization_slug}}/{{.pipeline_slug}}',
  },
  'circleci-job': {
    'default-template-values': { api_url: 'https://circleci.com/api/v2', platform_url: 'https://app.circleci.com/' },
    'extension-templates': {
      'build-config-uri': `{{.api_url}}/pipeline/${circle('pipeline-id')}/config`,
      'build-signer-uri': CIRCLE_DEFINITION,
      'run-invocation-uri': `{{.platform_url}}/workflow/${circle('workflow-id')}/job/${circle('job-id')}`,
      'runner-environment': '{{if eq (index . "oidc.circleci.com/ssh-rerun") "true"}}ssh-rerun{{ else }}""{{end}}',
      'source-repository-ref': '{{index . "oidc.circleci.com/vcs-ref"}}',
      'source-repository-uri': '{{index . "oidc.circleci.com/vcs-origin"}}',
    },
    'subject-alternative-name-template': CIRCLE_DEFINITION,
  },
  'buddy-pipeline': {
    'default-template-values': { base_url: 'https://app.buddy.works', revision: '', ref: '' },
    'extension-templates': {
      'build-signer-uri': BUDDY_PIPELINE,
      'runner-environment': 'runner_environment',
      'source-repository-uri': BUDDY_PROJECT,
      'source-repository-digest': 'revision',
      'source-repository-ref': 'ref',
      'source-repository-owner-uri': '{{ .base_url }}/{{ .workspace_domain }}',
      'build-trigger': 'triggered_on',
      'run-invocation-uri': `${BUDDY_PIPELINE}/execution/{{ .execution_id }}`,
    },
    'subject-alternative-name-template': BUDDY_PIPELINE,
  },
};
