import { methodTable, type Routes, sendJson } from '@sigstead/platform';

/** One service behind a listener, as /readyz names it. */
export interface Part {
  readonly name: string;
  ready(): Promise<{ ok: boolean; detail?: string }>;
}

export interface FrontOptions {
  readonly parts: readonly Part[];
  /** What the page at the root says. */
  readonly welcome: string;
  /** True from the moment the process stops: load balancers should look elsewhere. */
  readonly stopping: () => boolean;
}

/** Longest time one part may take to say whether it is ready. */
const PART_TIMEOUT_MS = 3_000;

/**
 * What belongs to a listener and not to one service. `/healthz` says that the process answers: to start it anew helps when it does
 * not. `/readyz` says whether every part behind the listener can do its work: traffic belongs elsewhere when one cannot.
 */
export function frontRoutes(options: FrontOptions): Routes {
  let asking: Promise<Readiness> | undefined;
  // Shared by those who ask meanwhile: each look takes connections that the parts need for their work.
  const shared = (): Promise<Readiness> => {
    asking ??= readiness(options).finally(() => {
      asking = undefined;
    });
    return asking;
  };
  return async (app) => {
    methodTable(app, '/healthz', { GET: (_request, reply) => sendJson(reply, 200, { status: 'SERVING' }) });
    methodTable(app, '/ping', {
      GET: (_request, reply) => reply.header('content-type', 'text/plain; charset=utf-8').send('.'),
    });
    methodTable(app, '/readyz', {
      GET: async (_request, reply) => {
        const report = await shared();
        reply.header('cache-control', 'no-store');
        return sendJson(reply, report.ready ? 200 : 503, report);
      },
    });
    methodTable(app, '/', {
      GET: (_request, reply) => reply.header('content-type', 'text/plain; charset=utf-8').send(options.welcome),
    });
  };
}

interface Readiness {
  readonly ready: boolean;
  readonly parts: Record<string, { ready: boolean; detail?: string }>;
}

/** Asks every part at once. A part that fails or is silent is not ready. */
async function readiness(options: Pick<FrontOptions, 'parts' | 'stopping'>): Promise<Readiness> {
  const answers = await Promise.all(options.parts.map(async (part) => [part.name, await ask(part)] as const));
  const ready = !options.stopping() && answers.every(([, answer]) => answer.ready);
  return { ready, parts: Object.fromEntries(answers) };
}

async function ask(part: Part): Promise<{ ready: boolean; detail?: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ok: boolean; detail?: string }>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: 'no answer in time' }), PART_TIMEOUT_MS);
  });
  try {
    const { ok, detail } = await Promise.race([part.ready(), late]);
    return { ready: ok, ...(detail === undefined ? {} : { detail }) };
  } catch {
    return { ready: false, detail: 'the check failed' };
  } finally {
    clearTimeout(timer);
  }
}
