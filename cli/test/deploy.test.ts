import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseDocument } from 'yaml';
import { parseCommandLine } from '../src/command-line.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const containerfile = read('deploy/Containerfile');

function execForm(instruction: string): string[] {
  const match = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(containerfile);
  assert.ok(match?.[1], `${instruction} in exec form`);
  return JSON.parse(match[1]) as string[];
}

test('the container runs any command, and without one the entry point of npm start', () => {
  assert.deepEqual(execForm('ENTRYPOINT'), ['/opt/sigstead/cli/bin/sigstead']);
  const args = execForm('CMD');
  assert.match(
    (JSON.parse(read('package.json')) as { scripts: { start: string } }).scripts.start,
    /cli\/bin\/sigstead dev$/,
  );
  const parsed = parseCommandLine(args);
  assert.equal(parsed.command, 'dev');
  assert.ok(parsed.command === 'dev');
  assert.equal(parsed.flags.host, '0.0.0.0');
  assert.equal(parsed.flags.data, '/var/lib/sigstead');
  assert.equal(parsed.flags.publicUrl, 'http://localhost:8080');
});

test('every path that the container copies is in the repository', () => {
  for (const [, sources] of containerfile.matchAll(/^COPY (.+) \S+$/gm)) {
    for (const source of (sources ?? '').split(' ')) assert.ok(existsSync(new URL(source, root)), source);
  }
});

test('the compose file publishes on loopback only and gives the service its database', () => {
  const compose = parseDocument(read('docker-compose.yml'), { strict: true, uniqueKeys: true }).toJS() as {
    services: Record<string, { ports?: string[]; environment: Record<string, string>; depends_on?: object }>;
  };
  const { postgres, sigstead } = compose.services;
  assert.ok(postgres && sigstead);
  assert.equal(postgres.ports, undefined);
  assert.deepEqual(sigstead.ports, ['127.0.0.1:8080:8080']);
  assert.match(sigstead.environment['DATABASE_URL'] ?? '', /^postgres:\/\/sigstead:.*@postgres:5432\/sigstead$/);
  assert.deepEqual(Object.keys(sigstead.depends_on ?? {}), ['postgres']);
});
