import { createHash } from 'node:crypto';
import { exampleCiClaims, exampleUriSubject } from '../core/examples.ts';
import type { Params } from '../core/form.ts';
import type { IssuerKind } from '../core/issuers.ts';

/** A page and the policy that goes with it. */
export interface Page {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input, textarea { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; border: 1px solid #767676; border-radius: 4px; }
textarea { font: 13px/1.4 ui-monospace, monospace; height: 24rem; }
button { font: inherit; margin: 1rem .5rem 0 0; padding: .5rem 1.25rem; border: 1px solid #1c1c1c; border-radius: 4px; background: #1c1c1c; color: #fff; }
button.second { background: #fff; color: #1c1c1c; }
.note { color: #4d4d4d; } .fault { color: #a00000; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616; } input, textarea { color: #eee; background: #222; } .note { color: #bbb; } .fault { color: #ff8a80; }
  button { background: #eee; color: #161616; } button.second { background: #161616; color: #eee; }
}
`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export interface LoginPageInput {
  readonly kind: IssuerKind;
  readonly publicUrl: string;
  readonly action: string;
  readonly redirectUri: string;
  readonly carried: Params;
  readonly fault?: string;
  /** What was typed before the fault. */
  readonly typed?: string;
}

/** The login page: one field and two buttons; works without scripts, and runs none. */
export function loginPage(input: LoginPageInput): Page {
  const hidden = [...input.carried]
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('\n');
  const fault = input.fault === undefined ? '' : `<p class="fault" role="alert">${escapeHtml(input.fault)}</p>`;
  const body = `<h1>Development sign-in</h1>
<p class="note">This issuer believes whatever you type. It exists for development and tests; nobody else trusts it.</p>
${fault}<form method="post" action="${escapeHtml(input.action)}">
${hidden}
${field(input)}
<button name="decision" value="sign-in">Sign in</button><button class="second" name="decision" value="cancel" formnovalidate>Cancel</button>
</form>
<p class="note">You return to ${escapeHtml(originOf(input.redirectUri))}.</p>`;
  return { html: frame('Sign in', body), contentSecurityPolicy: policy(`'self' ${formTarget(input.redirectUri)}`) };
}

/** A page for a request that cannot be answered by a redirect. */
export function faultPage(text: string): Page {
  const body = `<h1>This sign-in cannot go on</h1>\n<p class="fault" role="alert">${escapeHtml(text)}</p>`;
  return { html: frame('Sign-in refused', body), contentSecurityPolicy: policy("'none'") };
}

function field(input: LoginPageInput): string {
  switch (input.kind) {
    case 'email':
      return `<label for="email">Your email address</label>
<input id="email" name="email" type="email" autocomplete="email" required autofocus value="${escapeHtml(input.typed ?? '')}">`;
    case 'uri':
      return `<label for="subject">Subject, a URI</label>
<input id="subject" name="subject" type="url" required autofocus value="${escapeHtml(input.typed ?? exampleUriSubject(input.publicUrl))}">`;
    case 'ci':
      return `<label for="claims">Claims, a JSON object</label>
<textarea id="claims" name="claims" required spellcheck="false">${escapeHtml(
        input.typed ?? JSON.stringify(exampleCiClaims(), null, 2),
      )}</textarea>`;
  }
}

function frame(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title} - Sigstead development</title><style>${STYLE}</style></head>
<body>
${body}
</body>
</html>
`;
}

function policy(formAction: string): string {
  return [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    `form-action ${formAction}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/**
 * Browsers apply form-action to the redirect after the form too, so the client's own origin is named. The grammar of
 * source lists has no IPv6 addresses (SPEC: CSP Level 3 §2.3.1): for those the scheme stands alone.
 */
function formTarget(redirectUri: string): string {
  const origin = originOf(redirectUri);
  return origin.includes('[') ? 'http:' : origin;
}

function originOf(uri: string): string {
  return new URL(uri).origin;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
