import { CaError } from '../errors.ts';
import { claimToText } from '../go/go-value.ts';
import type { VerifiedToken } from '../ports.ts';
import { TemplateExecError } from '../template/ast.ts';
import { Template } from '../template/template.ts';
import { claimMap } from './claims.ts';
import { EXTENSION_FIELDS, type ExtensionKey } from './extensions.ts';
import {
  asciiName,
  type CertificateIdentity,
  extensionList,
  type ExtensionValue,
  type Principal,
} from './principal.ts';
import { mappedUri } from './uri.ts';

/** A mapping as it stands in configuration. */
export interface CiProviderSettings {
  readonly 'default-template-values'?: Readonly<Record<string, string>>;
  readonly 'extension-templates'?: Readonly<Partial<Record<ExtensionKey | 'subject', string>>>;
  readonly 'subject-alternative-name-template'?: string;
}

/** Either a template, or the name of one claim or default value. */
type Mapping = { readonly template: Template } | { readonly key: string };

export interface CiProviderRule {
  readonly type: 'ci-provider';
  readonly defaults: ReadonlyMap<string, string>;
  readonly subjectName: Mapping | undefined;
  readonly extensions: readonly { readonly n: number; readonly name: string; readonly mapping: Mapping }[];
}

/** Parses the templates of a mapping once. Throws TemplateSyntaxError. */
export function ciProviderRule(settings: CiProviderSettings): CiProviderRule {
  const templates = settings['extension-templates'] ?? {};
  const san = settings['subject-alternative-name-template'] ?? '';
  return {
    type: 'ci-provider',
    defaults: new Map(Object.entries(settings['default-template-values'] ?? {})),
    subjectName: san.trim() === '' ? undefined : parseMapping(san),
    extensions: EXTENSION_FIELDS.flatMap(({ n, key, name }) => {
      const text = templates[key] ?? '';
      return text === '' ? [] : [{ n, name, mapping: parseMapping(text) }];
    }),
  };
}

function parseMapping(text: string): Mapping {
  return text.includes('{{') ? { template: new Template(text) } : { key: text };
}

/** SPEC: Fulcio oidc.md, "CI provider": proof over `sub`, names and extensions from the mapping. */
export function ciProviderPrincipal(rule: CiProviderRule, token: VerifiedToken): Principal {
  return { challenge: token.subject, identity: () => evaluate(rule, token) };
}

/** Claims stand over defaults: a claim may replace a default value. */
function evaluate(rule: CiProviderRule, token: VerifiedToken): CertificateIdentity {
  const values = new Map(rule.defaults);
  for (const [name, value] of claimMap(token.claims)) values.set(name, claimToText(value));
  const { issuer, subject } = token;
  if (rule.subjectName === undefined) {
    throw new CaError('identity_unusable', {
      message: `SubjectAlternativeNameTemplate should not be empty. Issuer: ${issuer}`,
    });
  }
  const uri = mappedUri(apply(rule.subjectName, values, { name: 'SubjectAlternativeName', issuer }));
  const mapped: ExtensionValue[] = rule.extensions.map(({ n, name, mapping }) => ({
    n,
    value: apply(mapping, values, { name, issuer }),
  }));
  const extensions = extensionList({ issuer, subject, mapped });
  return { name: asciiName('uri', uri), extensions };
}

function apply(
  mapping: Mapping,
  values: ReadonlyMap<string, string>,
  where: { readonly name: string; readonly issuer: string },
): string {
  if ('key' in mapping) return values.get(mapping.key) ?? missing(mapping.key, where);
  try {
    return mapping.template.execute(values);
  } catch (error) {
    if (error instanceof TemplateExecError) throw new CaError('identity_unusable', { message: error.message });
    throw error;
  }
}

function missing(key: string, where: { readonly name: string; readonly issuer: string }): never {
  const place = JSON.stringify({ ExtensionName: where.name, Issuer: where.issuer }, undefined, '\t');
  throw new CaError('identity_unusable', {
    message: `value <${key}> not present in either claims or defaults. ${place}`,
  });
}
