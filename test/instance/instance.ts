import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Child, type Exit, startChild } from './child.ts';
import { lastLines, type ReadyInfo, waitForReady } from './ready-file.ts';

/** The checkout. */
export const ROOT = resolve(import.meta.dirname, '..', '..');

export interface InstanceOptions {
  /** More options of `sigstead dev`. */
  readonly args?: readonly string[];
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The instance's folder, kept after the stop. Default: a temporary one that is removed with the instance. */
  readonly dataDir?: string;
  /** Pass `--ephemeral` and no folder. */
  readonly ephemeral?: boolean;
  /** 0 (default): a free one. `null`: leave the option out, the data folder decides. */
  readonly port?: number | null;
  /** Start through `npm start --` instead of the program itself; `pid` is then npm's. */
  readonly throughNpm?: boolean;
  /** Another checkout than this one. */
  readonly root?: string;
  readonly readyTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
}

export type TokenRequest =
  | { readonly email: string; readonly lifetime?: number }
  | { readonly issuer: 'uri' | 'ci'; readonly claims: Readonly<Record<string, unknown>>; readonly lifetime?: number };

export interface Instance {
  readonly url: string;
  readonly metricsUrl: string;
  readonly ready: ReadyInfo;
  readonly dataDir: string;
  /** Of the started process: npm's when started through npm. */
  readonly pid: number;
  /** Milliseconds from the start of the process to the ready file. */
  readonly readyMs: number;
  readonly exited: Promise<Exit>;
  /** What it printed so far; the screen may come a moment after the ready file. */
  stdout(): string;
  /** Waits until it has printed this text. */
  printed(text: string): Promise<string>;
  stderr(): string;
  /** The last lines of standard error, where its log is, marked. */
  tail(lines: number): string;
  /** An identity token of one of the instance's own issuers. */
  token(request: TokenRequest): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then waits for the end; SIGKILL and an error when that takes too long. Idempotent. */
  stop(): Promise<Exit>;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<Exit>;
  [Symbol.asyncDispose](): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const PRINT_TIMEOUT_MS = 10_000;

/** Runs a whole Sigstead as a child process and waits until all its parts answer. */
export async function startInstance(options: InstanceOptions = {}): Promise<Instance> {
  const scratch = await mkdtemp(join(tmpdir(), 'sigstead-instance-'));
  // As root PostgreSQL runs under another account, which must be able to pass through.
  await chmod(scratch, 0o711);
  const readyFile = join(scratch, 'ready.json');
  const startMs = performance.now();
  let child: Child | undefined;
  try {
    child = await startChild(commandOf(options, scratch, readyFile));
    const ready = await waitForReady(child, readyFile, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
    return running({
      child,
      ready,
      scratch,
      readyMs: performance.now() - startMs,
      stopTimeoutMs: options.stopTimeoutMs,
    });
  } catch (error) {
    child?.signal('SIGKILL');
    await child?.exited;
    await removeScratch(scratch);
    throw error;
  }
}

/** A start that is expected to fail: waits for its end. Throws, after killing it, when it does not end in time. */
export async function failingStart(options: InstanceOptions): Promise<Exit & { stdout: string; stderr: string }> {
  const scratch = await mkdtemp(join(tmpdir(), 'sigstead-instance-'));
  await chmod(scratch, 0o711);
  try {
    const child = await startChild(commandOf(options, scratch, join(scratch, 'ready.json')));
    const exit = await endWithin(child, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
    return { ...exit, stdout: child.stdout.text, stderr: child.stderr.text };
  } finally {
    await removeScratch(scratch);
  }
}

function commandOf(options: InstanceOptions, scratch: string, readyFile: string): Parameters<typeof startChild>[0] {
  const root = options.root ?? ROOT;
  const port = options.port === undefined ? 0 : options.port;
  const dataDir = options.dataDir ?? join(scratch, 'data');
  const args = [
    ...(port === null ? [] : ['--port', String(port)]),
    '--ready-file',
    readyFile,
    ...(options.ephemeral === true ? ['--ephemeral'] : ['--data', dataDir]),
    ...(options.args ?? []),
  ];
  const own = {
    // The settings of clients that it prints lie here, not in the user's own cache.
    XDG_CACHE_HOME: join(scratch, 'cache'),
    NODE_COMPILE_CACHE: compileCacheDir(),
  };
  const env = { ...process.env, ...own, ...options.env };
  if (options.throughNpm === true) return { command: 'npm', args: ['start', '--', ...args], cwd: root, env };
  return { command: join(root, 'cli', 'bin', 'sigstead'), args: ['dev', ...args], cwd: root, env };
}

/** Where Node keeps what it made of our sources, for this user: shared by all starts, or each would take seconds more. */
export function compileCacheDir(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return process.env['NODE_COMPILE_CACHE'] ?? join(cache, 'sigstead', 'code');
}

interface Running {
  child: Child;
  ready: ReadyInfo;
  scratch: string;
  readyMs: number;
  stopTimeoutMs: number | undefined;
}

function running({ child, ready, scratch, readyMs, stopTimeoutMs = STOP_TIMEOUT_MS }: Running): Instance {
  const end = async (name: NodeJS.Signals): Promise<Exit> => {
    child.signal(name);
    const exit = await endWithin(child, stopTimeoutMs);
    await removeScratch(scratch);
    return exit;
  };
  const stop = (): Promise<Exit> => end('SIGTERM');
  return {
    url: ready.url,
    metricsUrl: ready.metrics,
    ready,
    dataDir: ready.dataDir,
    pid: child.pid,
    readyMs,
    exited: child.exited,
    stdout: () => child.stdout.text,
    printed: (text) => child.stdout.until(text, PRINT_TIMEOUT_MS),
    stderr: () => child.stderr.text,
    tail: (lines) => child.stderr.tail(lines, 'stderr| '),
    token: (request) => fetchToken(ready.url, request),
    signal: (name) => child.signal(name),
    stop,
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

async function endWithin(child: Child, timeoutMs: number): Promise<Exit> {
  const timer = new AbortController();
  const late = wait(timeoutMs, undefined, { signal: timer.signal }).then(() => undefined);
  const exit = await Promise.race([child.exited, late]);
  if (exit !== undefined) {
    timer.abort();
    late.catch(() => undefined);
    return exit;
  }
  child.signal('SIGKILL');
  await child.exited;
  throw new Error(`the instance did not end within ${timeoutMs} ms\n${lastLines(child)}`);
}

/** A killed instance's PostgreSQL may write for a moment longer. */
async function removeScratch(scratch: string): Promise<void> {
  await rm(scratch, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 });
}

async function fetchToken(url: string, request: TokenRequest): Promise<string> {
  const response = await fetch(`${url}/oidc/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ issuer: 'email', ...request }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`no token: ${response.status} ${text}`);
  const { token } = JSON.parse(text) as { token: string };
  return token;
}
