import { c, type Schema } from '@sigstead/platform';
import { ciProviderRule, type CiProviderSettings } from './core/identity/ci-provider.ts';
import { EXTENSION_FIELDS } from './core/identity/extensions.ts';
import type { IssuerRule } from './core/identity/issuer-rule.ts';
import { parseJsonPath } from './core/identity/json-path.ts';
import { isTrustDomain } from './core/identity/spiffe.ts';
import { type GoUrl, goUrlHostname, parseGoUrl } from './core/go/go-url.ts';
import { messageOf } from './core/errors.ts';
import { SHIPPED_PROVIDERS } from './core/providers.ts';
import type { IssuerSettings } from './oidc/directory.ts';

/** One issuer, or one pattern of issuers, as it is configured. */
export interface IssuerEntry {
  /** May repeat the key it stands under; nothing else. */
  readonly 'issuer-url'?: string | undefined;
  /** The one audience that tokens must be for; without it every token is refused. */
  readonly 'client-id'?: string | undefined;
  readonly type: string;
  /** Name of a mapping, for type ci-provider. */
  readonly 'ci-provider'?: string | undefined;
  /** JSONPath of the claim that names the real issuer, for type email. */
  readonly 'issuer-claim'?: string | undefined;
  /** Scheme and host of subjects, for type uri; domain without scheme, for type username. */
  readonly 'subject-domain'?: string | undefined;
  /** Trust domain of subjects, for type spiffe. */
  readonly 'spiffe-trust-domain'?: string | undefined;
  /** Only reported to clients; which claim is signed follows from the type. */
  readonly 'challenge-claim'?: string | undefined;
  readonly 'skip-email-verification'?: boolean | undefined;
  /** PEM trusted instead of the system's when this issuer is fetched. */
  readonly 'ca-cert'?: string | undefined;
  /** Further hosts (`host[:port]`) its key set may lie on. */
  readonly 'jwks-hosts'?: readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly contact?: string | undefined;
}

/** Who the authority believes. Keys of the maps are issuer URLs, patterns and names of mappings. */
export interface IssuersConfig {
  readonly issuers: Readonly<Record<string, IssuerEntry>>;
  readonly metaIssuers?: Readonly<Record<string, IssuerEntry>> | undefined;
  /** Replaces a shipped mapping of the same name, or adds one. */
  readonly ciProviders?: Readonly<Record<string, CiProviderSettings>> | undefined;
}

/** A configuration that must not start; one line for each problem, with its path. */
export class IssuersConfigError extends Error {}

/** An accepted issuer, with what the configuration endpoint says about it. */
export interface ResolvedIssuer extends IssuerSettings {
  readonly type: string;
  readonly challengeClaim: string;
  readonly subjectDomain: string;
  readonly spiffeTrustDomain: string;
  readonly skipEmailVerification: boolean;
  readonly caCertificate: string | undefined;
}

const TYPES = ['email', 'uri', 'ci-provider', 'username', 'spiffe', 'kubernetes', 'chainguard-identity'];

const KEYS = new Set([
  'issuer-url',
  'client-id',
  'type',
  'ci-provider',
  'issuer-claim',
  'subject-domain',
  'spiffe-trust-domain',
  'challenge-claim',
  'skip-email-verification',
  'ca-cert',
  'jwks-hosts',
  'description',
  'contact',
]);

/** Checks everything that can be checked before the first token. Throws IssuersConfigError. */
export function resolveIssuers(config: IssuersConfig): ResolvedIssuer[] {
  const problems: string[] = [];
  const providers = { ...SHIPPED_PROVIDERS, ...config.ciProviders };
  const resolved: ResolvedIssuer[] = [];
  const sections = [
    { name: 'issuers', entries: config.issuers, isMeta: false },
    { name: 'metaIssuers', entries: config.metaIssuers ?? {}, isMeta: true },
  ];
  for (const { name, entries, isMeta } of sections) {
    for (const [url, entry] of Object.entries(entries)) {
      try {
        resolved.push(resolveOne(url, entry, { isMeta, providers }));
      } catch (error) {
        problems.push(`${name}.${url}: ${messageOf(error)}`);
      }
    }
  }
  if (problems.length > 0) throw new IssuersConfigError(problems.join('\n'));
  return resolved;
}

interface Context {
  readonly isMeta: boolean;
  readonly providers: Readonly<Record<string, CiProviderSettings>>;
}

function resolveOne(url: string, entry: IssuerEntry, context: Context): ResolvedIssuer {
  for (const key of Object.keys(entry)) if (!KEYS.has(key)) throw new Error(`unknown key ${key}`);
  if (!/^https?:\/\//.test(url)) throw new Error('an issuer begins with https:// (or http://, for development)');
  if (!context.isMeta && !URL.canParse(url)) throw new Error('is not a URL');
  if (context.isMeta && !url.includes('*'))
    throw new Error('a pattern has at least one *; without it, it is an issuer');
  if (entry['issuer-url'] !== undefined && entry['issuer-url'] !== url)
    throw new Error('issuer-url differs from its key');
  const caCertificate = entry['ca-cert'];
  if (caCertificate !== undefined && !caCertificate.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Error('ca-cert holds no PEM certificate');
  }
  return {
    url,
    isMeta: context.isMeta,
    audience: entry['client-id'] ?? '',
    rule: resolveRule(url, entry, context),
    jwksHosts: entry['jwks-hosts'] ?? [],
    type: entry.type,
    // A pattern does not hand its own challenge claim on.
    challengeClaim:
      (context.isMeta ? undefined : entry['challenge-claim']) ?? (entry.type === 'email' ? 'email' : 'sub'),
    subjectDomain: entry['subject-domain'] ?? '',
    spiffeTrustDomain: entry['spiffe-trust-domain'] ?? '',
    skipEmailVerification: entry['skip-email-verification'] ?? false,
    caCertificate,
  };
}

function resolveRule(url: string, entry: IssuerEntry, context: Context): IssuerRule {
  const { type } = entry;
  if (entry['issuer-claim'] !== undefined && type !== 'email') throw new Error('issuer-claim is for type email only');
  if (entry['issuer-claim'] !== undefined && context.isMeta) {
    throw new Error(
      'issuer-claim cannot stand behind a pattern: any of its issuers could name any other as the issuer',
    );
  }
  if (entry['skip-email-verification'] === true && type !== 'email') {
    throw new Error('skip-email-verification is for type email only');
  }
  if (entry['spiffe-trust-domain'] !== undefined && type !== 'spiffe') {
    throw new Error('spiffe-trust-domain is for type spiffe only');
  }
  switch (type) {
    case 'email':
      return {
        type,
        issuerClaim: issuerClaim(entry),
        skipEmailVerification: entry['skip-email-verification'] ?? false,
      };
    case 'uri':
      return { type, subjectDomain: subjectDomain(url, entry, context.isMeta) };
    case 'ci-provider': {
      const name = entry['ci-provider'] ?? '';
      const settings = Object.hasOwn(context.providers, name) ? context.providers[name] : undefined;
      if (settings === undefined) throw new Error(`ci-provider "${name}" has no mapping`);
      return ciProviderRule(checkedProvider(settings));
    }
    case 'username':
      return { type, subjectDomain: usernameDomain(url, entry, context.isMeta) };
    case 'spiffe':
      if (context.isMeta) throw new Error('type spiffe cannot stand behind a pattern');
      return { type, trustDomain: trustDomain(entry) };
    case 'kubernetes':
    case 'chainguard-identity':
      return { type };
    default:
      throw new Error(`identity type "${type}" is unknown, so it is refused; known are ${TYPES.join(', ')}`);
  }
}

function issuerClaim(entry: IssuerEntry): ReturnType<typeof parseJsonPath> {
  const text = entry['issuer-claim'];
  if (text === undefined || text === '') return undefined;
  const path = parseJsonPath(text);
  if (path === undefined) throw new Error('issuer-claim is no path of the form $.name.name');
  return path;
}

/** Scheme as the issuer's, and the same last two labels of the host. SPEC: Fulcio oidc.md, "URI" */
function subjectDomain(issuer: string, entry: IssuerEntry, isMeta: boolean): GoUrl {
  const domain = parseGoUrl(entry['subject-domain'] ?? '');
  const own = parseGoUrl(issuer);
  if (domain.scheme === '') throw new Error('subject-domain needs a scheme, such as https://');
  if (domain.scheme !== own.scheme) throw new Error('subject-domain has another scheme than the issuer');
  if (isMeta) throw new Error('type uri cannot stand behind a pattern: any of its issuers could name any subject');
  if (lastLabels(goUrlHostname(domain)) !== lastLabels(goUrlHostname(own))) {
    throw new Error('subject-domain is not in the domain of the issuer');
  }
  return domain;
}

/** SPEC: Fulcio oidc.md, "Username": no scheme, and the same last two labels as the issuer's host. */
function usernameDomain(issuer: string, entry: IssuerEntry, isMeta: boolean): string {
  const domain = entry['subject-domain'] ?? '';
  if (domain === '' || domain.includes('://')) throw new Error('subject-domain is a domain without scheme');
  if (!/^[A-Za-z0-9._-]+$/.test(domain)) throw new Error('subject-domain is no domain');
  if (isMeta) throw new Error('type username cannot stand behind a pattern: any of its issuers could name anybody');
  if (lastLabels(domain) !== lastLabels(goUrlHostname(parseGoUrl(issuer)))) {
    throw new Error('subject-domain is not in the domain of the issuer');
  }
  return domain;
}

function trustDomain(entry: IssuerEntry): string {
  const domain = entry['spiffe-trust-domain'] ?? '';
  if (!isTrustDomain(domain)) throw new Error('spiffe-trust-domain is missing or no trust domain');
  return domain;
}

function lastLabels(host: string): string {
  return host.split('.').slice(-2).join('.');
}

function checkedProvider(settings: CiProviderSettings): CiProviderSettings {
  const known = new Set<string>([...EXTENSION_FIELDS.map(({ key }) => key), 'subject']);
  for (const key of Object.keys(settings['extension-templates'] ?? {})) {
    if (!known.has(key)) throw new Error(`extension-templates: unknown key ${key}`);
  }
  return settings;
}

/** A text that may be empty. */
const anyText: Schema<string> = {
  expected: 'a text',
  optional: false,
  read(value, at) {
    if (typeof value === 'string' && value.length <= 4096) return value;
    at.fail('must be a text');
    return '';
  },
};

const entrySchema = c.object({
  'issuer-url': c.optional(c.string()),
  'client-id': c.optional(c.string()),
  type: c.string(),
  'ci-provider': c.optional(c.string()),
  'issuer-claim': c.optional(c.string()),
  'subject-domain': c.optional(c.string()),
  'spiffe-trust-domain': c.optional(c.string()),
  'challenge-claim': c.optional(c.string()),
  'skip-email-verification': c.optional(c.boolean()),
  'ca-cert': c.optional(c.string({ maxLength: 64 * 1024 })),
  'jwks-hosts': c.optional(c.list(c.string())),
  description: c.optional(c.string()),
  contact: c.optional(c.string()),
});

const providerSchema = c.object({
  'default-template-values': c.optional(c.map(anyText)),
  'extension-templates': c.optional(c.map(anyText)),
  'subject-alternative-name-template': c.optional(anyText),
});

/** Shape of the issuers part of a configuration file; `issuersFromFile` makes an IssuersConfig of what it gives. */
export const issuersSchema = c.object({
  'oidc-issuers': c.map(entrySchema),
  'meta-issuers': c.optional(c.map(entrySchema)),
  'ci-issuer-metadata': c.optional(c.map(providerSchema)),
});

export function issuersFromFile(file: ReturnType<typeof issuersSchema.read>): IssuersConfig {
  const providers = [...(file['ci-issuer-metadata'] ?? [])].map(([name, settings]) => [
    name,
    {
      'default-template-values': Object.fromEntries(settings['default-template-values'] ?? []),
      'extension-templates': Object.fromEntries(settings['extension-templates'] ?? []),
      'subject-alternative-name-template': settings['subject-alternative-name-template'] ?? '',
    },
  ]);
  return {
    issuers: Object.fromEntries(file['oidc-issuers']),
    metaIssuers: Object.fromEntries(file['meta-issuers'] ?? []),
    ciProviders: Object.fromEntries(providers) as Record<string, CiProviderSettings>,
  };
}
