import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { globSync } from 'node:fs';
import { ROOT, runTool, type Step, type StepResult } from './step.ts';

const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const ROOMS = ['packages', 'services', 'cli', 'test', 'bench'];

interface Report {
  modules: { source: string }[];
  summary: { violations: { rule: { name: string }; from: string; to: string }[] };
}

/** One violation of each rule: the file `from` imports what `imports` names. */
const PLANTED: readonly { rule: string; from: string; imports: string; type?: true }[] = [
  { rule: 'merkle-imports-nothing', from: 'packages/merkle/src/a.ts', imports: 'node:crypto' },
  { rule: 'merkle-imports-nothing', from: 'packages/merkle/src/b.ts', imports: '../../formats/src/index.ts' },
  { rule: 'formats-imports-merkle', from: 'packages/formats/src/a.ts', imports: '../../keys/src/index.ts' },
  { rule: 'formats-imports-merkle', from: 'packages/formats/src/b.ts', imports: 'node:fs' },
  { rule: 'packages-import-formats', from: 'packages/keys/src/a.ts', imports: '../../platform/src/index.ts' },
  {
    rule: 'packages-import-formats',
    from: 'packages/platform/src/a.ts',
    imports: '../../../services/log/src/index.ts',
  },
  { rule: 'core-is-pure', from: 'services/log/src/core/a.ts', imports: '../http/a.ts' },
  { rule: 'core-is-pure', from: 'services/log/src/core/b.ts', imports: '../../../../packages/platform/src/index.ts' },
  { rule: 'core-is-pure', from: 'services/log/src/core/c.ts', imports: 'node:fs' },
  { rule: 'core-is-pure', from: 'services/log/src/core/d.ts', imports: 'declared' },
  {
    rule: 'core-takes-types-of-keys',
    from: 'services/log/src/core/e.ts',
    imports: '../../../../packages/keys/src/index.ts',
  },
  { rule: 'adapters-are-apart', from: 'services/log/src/http/b.ts', imports: '../store/a.ts' },
  { rule: 'adapters-are-apart', from: 'services/log/src/http/c.ts', imports: '../compose.ts' },
  { rule: 'services-are-apart', from: 'services/log/src/compose.ts', imports: '../../ca/src/index.ts' },
  { rule: 'index-only', from: 'services/ca/src/http/a.ts', imports: '../../../../packages/platform/src/deep.ts' },
  { rule: 'index-only', from: 'cli/src/a.ts', imports: '../../services/log/src/core/port.ts' },
  { rule: 'production-knows-no-test', from: 'services/ca/src/store/a.ts', imports: '../../test/a.ts' },
  { rule: 'declared-dependencies', from: 'services/ca/src/store/b.ts', imports: 'undeclared' },
  { rule: 'declared-dependencies', from: 'services/ca/src/store/c.ts', imports: 'development' },
  { rule: 'no-cycle', from: 'services/ca/src/store/d.ts', imports: './e.ts' },
  { rule: 'resolvable', from: 'services/ca/src/store/f.ts', imports: './nowhere.ts' },
];

/** Imports that are allowed: none of them may be reported. */
const ALLOWED: readonly { from: string; imports: string; type?: true }[] = [
  { from: 'services/log/src/http/z.ts', imports: '../store/a.ts', type: true },
  { from: 'services/log/src/core/y.ts', imports: '../../../../packages/keys/src/index.ts', type: true },
  { from: 'services/log/src/store/z.ts', imports: '../core/port.ts' },
  { from: 'services/log/src/store/y.ts', imports: 'declared' },
  { from: 'services/log/src/core/z.ts', imports: '../../../../packages/formats/src/index.ts' },
  { from: 'packages/formats/src/z.ts', imports: '../../merkle/src/index.ts' },
  { from: 'cli/src/z.ts', imports: '../../services/log/src/index.ts' },
];

/** The other half of the planted cycle: the tool names a cycle once. */
const HALF_CYCLE: (typeof ALLOWED)[number] = { from: 'services/ca/src/store/e.ts', imports: './d.ts' };

/** Empty modules that the planted imports lead to. */
const TARGETS = [
  ...['packages/formats', 'packages/merkle', 'packages/keys', 'packages/platform', 'services/log', 'services/ca'].map(
    (room) => `${room}/src/index.ts`,
  ),
  'packages/platform/src/deep.ts',
  'services/log/src/http/a.ts',
  'services/log/src/store/a.ts',
  'services/log/src/core/port.ts',
  'services/ca/test/a.ts',
];

async function cruise(cwd: string, rooms: readonly string[]): Promise<Report> {
  const args = ['--config', CONFIG, '--output-type', 'json', ...rooms];
  const { stdout, stderr } = await runTool('depcruise', args, cwd);
  try {
    return JSON.parse(stdout) as Report;
  } catch {
    throw new Error(`depcruise gave no report: ${stderr}${stdout.slice(0, 2000)}`);
  }
}

/** The rules hold in the repository, and every room with source files was really looked at. */
export const boundaries: Step = {
  name: 'boundaries',
  async run() {
    const { modules, summary } = await cruise(ROOT, ROOMS);
    const problems = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
    const seen = new Set(modules.map((module) => module.source));
    for (const file of globSync('{packages,services}/*/src/**/*.ts', { cwd: ROOT })) {
      if (!seen.has(file)) problems.push(`not seen: ${file}`);
    }
    for (const room of globSync(['packages/*', 'services/*', 'cli'], { cwd: ROOT })) {
      if (!modules.some((module) => module.source.startsWith(`${room}/src/`)))
        problems.push(`no module seen in ${room}/src`);
    }
    return verdict(problems);
  },
};

/** Each rule catches a violation planted for it, and none calls an allowed import one. */
export const boundaryRules: Step = {
  name: 'boundary rules',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'sigstead-check-'));
    try {
      await plant(folder);
      const { summary } = await cruise(folder, ['packages', 'services', 'cli']);
      const found = new Set(summary.violations.map(({ rule, from }) => `${rule.name} ${from}`));
      const missed = PLANTED.filter(({ rule, from }) => !found.has(`${rule} ${from}`));
      const wrong = ALLOWED.flatMap(({ from }) => [...found].filter((line) => line.endsWith(` ${from}`)));
      return verdict([
        ...missed.map(({ rule, from, imports }) => `not caught by ${rule}: ${from} imports ${imports}`),
        ...wrong.map((line) => `wrongly reported: ${line}`),
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function plant(folder: string): Promise<void> {
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  for (const path of TARGETS) await write(path, 'export const value = 1;\n');
  for (const planted of [...PLANTED, ...ALLOWED, HALF_CYCLE]) await write(planted.from, importing(planted));
  for (const name of ['declared', 'undeclared', 'development']) {
    await write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    await write(`node_modules/${name}/index.js`, 'module.exports = 1;\n');
  }
  const manifest = JSON.stringify({ dependencies: { declared: '1.0.0' }, devDependencies: { development: '1.0.0' } });
  for (const room of ['services/log', 'services/ca', 'packages/formats']) await write(`${room}/package.json`, manifest);
  // The rules file is found by its path; what it needs is found from the folder.
  await symlink(join(ROOT, 'node_modules', 'typescript'), join(folder, 'node_modules', 'typescript'));
}

function importing({ imports, type }: { imports: string; type?: true }): string {
  if (type === true) return `import type * as it from '${imports}';\nexport type It = typeof it;\n`;
  return `import * as it from '${imports}';\nexport { it };\n`;
}

function verdict(problems: readonly string[]): StepResult {
  return { ok: problems.length === 0, output: problems.map((line) => `${line}\n`).join('') };
}
