import { describeValue } from './log-value.ts';
import type { Clock } from './clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log of the operator. Secrets are redacted by field name and by shape; see log-value.ts. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  service: string;
  level: LogLevel;
  /** One JSON object a line, UTF-8, ends in a line feed. A write that throws is dropped: logging never fails a request. */
  stream: { write(line: string): unknown };
  clock?: Clock;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 };

export function createLogger(options: LoggerOptions): Logger {
  const clock = options.clock ?? { nowMs: () => Date.now() };
  const threshold = RANK[options.level];

  function build(bound: LogFields): Logger {
    const at = (level: Exclude<LogLevel, 'silent'>) => (fields: LogFields, message: string) => {
      if (RANK[level] < threshold) return;
      const head = { time: new Date(clock.nowMs()).toISOString(), level, service: options.service };
      emit({ ...(describeValue({ ...bound, ...fields }) as object), ...head, msg: describeValue(message) });
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => build({ ...bound, ...fields }),
    };
  }

  function emit(record: object): void {
    try {
      options.stream.write(`${JSON.stringify(record)}\n`);
    } catch {
      // A full disk or a closed pipe must not turn into a failed request; there is nowhere left to report it.
    }
  }

  return build({});
}

/** Says nothing: for tests and one-shot tools. */
export const silentLogger: Logger = createLogger({ service: 'none', level: 'silent', stream: { write: () => true } });
