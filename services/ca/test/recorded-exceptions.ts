/**
 * Recorded lines that are not answered alike, by name, each with its reason. `later`: a part that is not built yet.
 * `departure`: upstream is wrong there and we do better. The replay fails for a line that is neither alike nor listed,
 * and for a listed one that is alike.
 */
export interface RecordedException {
  readonly kind: 'later' | 'departure';
  readonly reason: string;
  /** All the rest of the certificate is alike: only values that upstream writes with an exponent differ. */
  readonly onlyExponents?: true;
}

const listed = (exception: RecordedException, names: readonly string[]): [string, RecordedException][] =>
  names.map((name) => [name, exception]);

export const REQUEST_EXCEPTIONS: ReadonlyMap<string, RecordedException> = new Map(
  listed(
    {
      kind: 'later',
      reason:
        'lists the issuers of the deprecated types, which are not built, and one whose mapping does not exist, which is refused at start',
    },
    ['POST form configuration'],
  ),
);

const EXPONENTS = [
  'ci buildkite: build_number large',
  'ci values: 1e20',
  'ci values: 1e21',
  'ci values: 123456789012345678',
  'ci values: 9007199254740993',
  'ci values: 1.7976931348623157e308',
  'ci values: ["a b",1,true,null,1.5,1e21]',
  'ci values: 1234567',
  'ci values: [1234567,12345678.5,1e21]',
  'ci values: {"n":1e6}',
];

const NOBODY = [
  'kubernetes: claim absent',
  'kubernetes: namespace absent',
  'kubernetes: service account absent',
  'kubernetes: claim null',
];

const DEPRECATED_TYPES = [
  'legacy github: plain',
  'legacy github: environment empty',
  'legacy github: unicode workflow',
  'legacy github: space in job_workflow_ref',
  'legacy github: percent in job_workflow_ref',
  'legacy github: unicode branch',
  'legacy github: hash and question in branch',
  'legacy github: dot segments in job_workflow_ref',
  'legacy github: very long workflow',
  'legacy github: url claim present',
  'legacy github: pull request ref',
  'legacy github: iss claim with enterprise',
  'legacy gitlab: plain',
  'legacy gitlab: environment',
  'legacy gitlab: without ci_config_sha',
  'legacy gitlab: without project_visibility',
  'legacy gitlab: ci_config_sha null',
  'legacy gitlab: self-hosted host',
  'legacy gitlab: port in ci_config_ref_uri',
  'legacy gitlab: url claim present',
  'legacy buildkite: plain',
  'legacy buildkite: without build_number',
  'legacy buildkite: without build_commit',
  'legacy buildkite: without build_source',
  'legacy buildkite: without runner_environment',
  'legacy buildkite: build_number large',
  'legacy buildkite: pipeline with space',
  'legacy buildkite: pipeline with percent',
  'legacy codefresh: plain',
  'legacy codefresh: platform_url',
  'legacy codefresh: platform_url with path and slash',
  'legacy codefresh: platform_url empty',
  'legacy codefresh: without pipeline_name',
  'legacy codefresh: without scm_ref',
  'legacy codefresh: without runner_environment',
  'legacy codefresh: spaces in names',
  'legacy codefresh: unicode names',
  'legacy codefresh: colon first in relative platform',
];

export const CERTIFICATE_EXCEPTIONS: ReadonlyMap<string, RecordedException> = new Map([
  ...listed(
    {
      kind: 'departure',
      reason: 'upstream writes an exponent, or loses digits; a number is plain digits here',
      onlyExponents: true,
    },
    EXPONENTS,
  ),
  ...listed(
    { kind: 'departure', reason: 'upstream certifies a service account without name or namespace: nobody' },
    NOBODY,
  ),
  ...listed(
    {
      kind: 'later',
      reason: 'the deprecated issuer types github-workflow, gitlab-pipeline, codefresh-workflow and buildkite-job',
    },
    DEPRECATED_TYPES,
  ),
]);
