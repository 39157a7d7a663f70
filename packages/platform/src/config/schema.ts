/** What a key may hold. Build with `c`; the type of the parsed value is `Infer<typeof schema>`. */
export interface Schema<T> {
  /** What is expected, for messages: `a whole number from 1 to 65535`. */
  readonly expected: string;
  /** True when the key may be left out: then `read` is called with undefined. */
  readonly optional: boolean;
  read(value: unknown, at: Place): T;
}

/** Where a value stands; how a schema reports what is wrong and goes on. */
export interface Place {
  readonly path: string;
  fail(message: string): void;
  readonly report: Report;
}

export type Report = (path: string, message: string) => void;

export function placeAt(path: string, report: Report): Place {
  return { path, report, fail: (message) => report(path, message) };
}

export type Infer<S> = S extends Schema<infer T> ? T : never;
export type Shape = Readonly<Record<string, Schema<unknown>>>;
export type ObjectOf<S extends Shape> = { -readonly [K in keyof S]: Infer<S[K]> };

function scalar<T>(expected: string, accept: (value: unknown) => T | undefined): Schema<T> {
  return {
    expected,
    optional: false,
    read(value, at) {
      const accepted = accept(value);
      if (accepted === undefined) at.fail(value === undefined ? `missing (${expected})` : `must be ${expected}`);
      // After fail() the value is never handed out: parseConfig throws.
      return accepted as T;
    },
  };
}

function string(options: { pattern?: RegExp; expected?: string; maxLength?: number } = {}): Schema<string> {
  const maxLength = options.maxLength ?? 4096;
  return scalar(options.expected ?? 'a text', (value) => {
    if (typeof value !== 'string' || value === '' || value.length > maxLength) return undefined;
    return options.pattern === undefined || options.pattern.test(value) ? value : undefined;
  });
}

function integer(options: { min: number; max: number; unit?: string }): Schema<number> {
  const unit = options.unit === undefined ? '' : ` (${options.unit})`;
  const expected = `a whole number from ${options.min} to ${options.max}${unit}`;
  return scalar(expected, (value) =>
    Number.isSafeInteger(value) && Number(value) >= options.min && Number(value) <= options.max
      ? Number(value)
      : undefined,
  );
}

function boolean(): Schema<boolean> {
  return scalar('true or false', (value) => (typeof value === 'boolean' ? value : undefined));
}

function oneOf<const V extends string>(...values: V[]): Schema<V> {
  return scalar(`one of ${values.join(', ')}`, (value) => values.find((known) => known === value));
}

/** An absolute URL without credentials, query or fragment. Given back as written. */
function url(options: { schemes?: readonly string[] } = {}): Schema<string> {
  const schemes = options.schemes ?? ['http', 'https'];
  return scalar(`a URL (${schemes.join(' or ')})`, (value) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
    const { protocol, username, password, search, hash } = new URL(value);
    if (!schemes.includes(protocol.slice(0, -1)) || username + password + search + hash !== '') return undefined;
    return value;
  });
}

function list<T>(item: Schema<T>, options: { min?: number; max?: number } = {}): Schema<T[]> {
  const { min = 0, max = 1000 } = options;
  const expected = `a list of ${min} to ${max}`;
  return {
    expected,
    optional: false,
    read(value, at) {
      if (!Array.isArray(value) || value.length < min || value.length > max) {
        at.fail(value === undefined ? `missing (${expected})` : `must be ${expected}`);
        return [];
      }
      return value.map((entry: unknown, i) => item.read(entry, below(at, `[${i}]`)));
    },
  };
}

/** Free names to values of one kind. */
function map<T>(item: Schema<T>, options: { key?: RegExp; max?: number } = {}): Schema<Map<string, T>> {
  return {
    expected: 'a map',
    optional: false,
    read(value, at) {
      const out = new Map<string, T>();
      if (!isRecord(value) || Object.keys(value).length > (options.max ?? 1000)) {
        at.fail(value === undefined ? 'missing (a map)' : 'must be a map');
        return out;
      }
      for (const [name, entry] of Object.entries(value)) {
        const place = below(at, `.${name}`);
        if (options.key !== undefined && !options.key.test(name)) place.fail('is no allowed name');
        else out.set(name, item.read(entry, place));
      }
      return out;
    },
  };
}

/** Exactly these keys: an unknown one is an error. `check` reports combinations that cannot be. */
function object<S extends Shape>(shape: S, check?: (value: ObjectOf<S>, at: Place) => void): Schema<ObjectOf<S>> {
  return {
    expected: 'a section',
    optional: Object.values(shape).every((schema) => schema.optional),
    read(value, at) {
      const given = value ?? {};
      if (!isRecord(given)) {
        at.fail('must be a section with keys');
        return {} as ObjectOf<S>;
      }
      for (const name of Object.keys(given))
        if (!Object.hasOwn(shape, name)) below(at, `.${name}`).fail(unknownKey(shape));
      let failed = false;
      const members = placeAt(at.path, (path, message) => {
        failed = true;
        at.report(path, message);
      });
      const entries = Object.entries(shape).map(([name, schema]) => {
        const member = Object.hasOwn(given, name) ? given[name] : undefined;
        return [name, schema.read(member, below(members, `.${name}`))];
      });
      const out = Object.fromEntries(entries) as ObjectOf<S>;
      if (!failed) check?.(out, at);
      return out;
    },
  };
}

/** The key may be left out; then it is undefined. An explicit null counts as left out. */
function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return {
    expected: schema.expected,
    optional: true,
    read: (value, at) => (value === undefined || value === null ? undefined : schema.read(value, at)),
  };
}

/** The key may be left out; then it has this value. */
function withDefault<T>(schema: Schema<T>, value: T): Schema<T> {
  return {
    expected: schema.expected,
    optional: true,
    read: (given, at) => (given === undefined || given === null ? value : schema.read(given, at)),
  };
}

function below(at: Place, step: string): Place {
  return placeAt(`${at.path}${step}`.replace(/^\./, ''), at.report);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownKey(shape: Shape): string {
  return `unknown key; known here: ${Object.keys(shape).sort().join(', ')}`;
}

/** Builders of schemas. */
export const c = { string, integer, boolean, oneOf, url, list, map, object, optional, withDefault };
