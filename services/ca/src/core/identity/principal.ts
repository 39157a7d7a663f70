import { CaError } from '../errors.ts';
import { parseGoUrl, goUrlHost, GoUrlError } from '../go/go-url.ts';
import { goQuote } from '../go/go-quote.ts';

/** The one subject alternative name of a certificate. SPEC: RFC 5280 §4.2.1.6 */
export type SubjectName = { readonly kind: 'email' | 'uri' | 'username'; readonly value: string };

/** One 57264.1.N extension by its N. */
export interface ExtensionValue {
  readonly n: number;
  readonly value: string;
}

/** What a certificate says about its holder. Every part comes from one verified token. */
export interface CertificateIdentity {
  readonly name: SubjectName;
  /** Ascending N; empty values are left out before they get here. */
  readonly extensions: readonly ExtensionValue[];
}

/** A verified identity that asks for a certificate. */
export interface Principal {
  /** The text whose signature proves possession of the key. */
  readonly challenge: string;
  /** Evaluates mappings; throws `identity_unusable`. Called after the key was checked, as upstream does. */
  identity(): CertificateIdentity;
}

/** Issuer in both forms, mapped extensions, and the token's subject, in certificate order. */
export function extensionList(input: {
  issuer: string;
  subject: string;
  mapped?: readonly ExtensionValue[];
}): ExtensionValue[] {
  if (input.issuer === '') {
    throw new CaError('identity_unusable', { message: 'extensions must have a non-empty issuer url' });
  }
  const mapped = input.mapped ?? [];
  const all = [
    { n: 1, value: input.issuer },
    { n: 8, value: input.issuer },
    ...mapped,
    { n: 24, value: input.subject },
  ];
  return all.filter(({ value }) => value !== '').sort((a, b) => a.n - b.n);
}

/** SPEC: RFC 5280 §4.2.1.6: both forms are IA5String. */
export function asciiName(kind: 'email' | 'uri', value: string): SubjectName {
  // An empty name is nobody's; upstream certifies it.
  if (value === '') throw new CaError('identity_unusable', { message: 'subject alternative name must not be empty' });
  if (!/^[\x00-\x7f]*$/.test(value)) {
    throw new CaError('identity_unusable', { message: `x509: ${goQuote(value)} cannot be encoded as an IA5String` });
  }
  if (kind === 'uri') checkUriHost(value);
  return { kind, value };
}

/** A URI whose host is no domain name would give a certificate that Go's parser refuses. */
function checkUriHost(value: string): void {
  let host: string;
  try {
    host = goUrlHost(parseGoUrl(value));
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error;
    throw new CaError('identity_unusable', { message: `x509: cannot parse URI ${goQuote(value)}: ${error.message}` });
  }
  if (host === '') return;
  const labels = host.split('.');
  if (labels.some((label) => !/^[\x21-\x7e]+$/.test(label))) {
    throw new CaError('identity_unusable', { message: `x509: cannot parse URI ${goQuote(value)}: invalid domain` });
  }
}
