/**
 * Who may import whom (ARCHITECTURE.md, "the arrows"). `npm run check` runs these rules over the repository, asserts that
 * every room was really seen, and plants one violation of each rule to see it caught.
 */

const PURE_BUILTINS = '^(crypto|buffer|util)$';

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const forbidden = [
  {
    name: 'merkle-imports-nothing',
    comment: 'The tree is pure and has no dependency: the hash is an argument.',
    severity: 'error',
    from: { path: '^packages/merkle/src' },
    to: { pathNot: '^packages/merkle/src' },
  },
  {
    name: 'formats-imports-merkle',
    comment: 'Codecs know the tree, node:crypto for hashes and keys, curves that it lacks, and nothing else.',
    severity: 'error',
    from: { path: '^packages/formats/src' },
    to: { pathNot: ['^packages/(formats|merkle)/src', PURE_BUILTINS, '(^|/)node_modules/@noble/curves/'] },
  },
  {
    name: 'packages-import-formats',
    comment: 'keys and platform stand on formats; they do not know each other, nor any service.',
    severity: 'error',
    from: { path: '^packages/(keys|platform)/src' },
    to: { path: '^(packages|services|cli|test|bench)/', pathNot: '^packages/($1|formats)/src' },
  },
  {
    name: 'core-is-pure',
    comment: "A service's core decides; it knows merkle, formats and ports, no adapter, no library, no I/O.",
    severity: 'error',
    from: { path: '^services/([^/]+)/src/core/' },
    to: {
      pathNot: ['^services/$1/src/core/', '^packages/(merkle|formats)/src', '^packages/keys/src', PURE_BUILTINS],
    },
  },
  {
    name: 'core-takes-types-of-keys',
    comment: 'Of keys, the core may know the type of the Signer port only.',
    severity: 'error',
    from: { path: '^services/[^/]+/src/core/' },
    to: { path: '^packages/keys/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'adapters-are-apart',
    comment: 'An adapter runs on its core and the packages; compose.ts hands it the others, whose types it may know.',
    severity: 'error',
    from: { path: '^services/([^/]+)/src/(?!core/)([^/]+)/' },
    to: {
      path: '^services/$1/src/',
      pathNot: ['^services/$1/src/(core|$2)/', '^services/$1/src/(config|metrics|errors)\\.ts$'],
      dependencyTypesNot: ['type-only'],
    },
  },
  {
    name: 'services-are-apart',
    comment: 'Services talk HTTP, never imports.',
    severity: 'error',
    from: { path: '^services/([^/]+)/' },
    to: { path: '^(services|cli)/', pathNot: '^services/$1/' },
  },
  {
    name: 'index-only',
    comment: 'A package or service is entered by its index. The embedded PostgreSQL of the cli is a room of its own.',
    severity: 'error',
    from: { path: '^((?:packages|services)/[^/]+|cli|test|bench)/' },
    to: {
      path: '^(packages|services)/[^/]+/|^cli/',
      pathNot: [
        '^$1/',
        '^(packages|services)/[^/]+/src/index\\.ts$',
        '^cli/src/index\\.ts$',
        '^cli/src/postgres/index\\.ts$',
      ],
    },
  },
  {
    name: 'production-knows-no-test',
    comment: 'What is shipped imports neither tests nor their support.',
    severity: 'error',
    from: { path: '^(packages|services)/[^/]+/src|^cli/src', pathNot: '\\.test\\.ts$' },
    to: { path: '(^|/)test/|\\.test\\.ts$|^bench/' },
  },
  {
    name: 'declared-dependencies',
    comment: 'A library is used only where the own package.json names it, and shipped code uses no devDependency.',
    severity: 'error',
    from: { path: '^(packages|services)/[^/]+/src|^cli/src', pathNot: '\\.test\\.ts$' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-bundled'] },
  },
  {
    name: 'no-cycle',
    comment: 'Types may know each other; what runs may not.',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    comment: 'What cannot be found was not checked either.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)testdata/' },
    // Type imports are arrows too.
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.d.ts', '.json'],
    },
  },
};
