import type { ServeFile } from './config/sections.ts';
import type { Part } from './front.ts';

/** The page at the root of a listener: what it is, for whoever meets the address. */
export function welcomeText({ devOidc, tuf }: ServeFile, parts: readonly Part[], version: string): string {
  const services = parts.map(({ name }) => name).join(', ');
  if (devOidc === undefined) return `Sigstead ${version}: ${services}\n`;
  return `Sigstead ${version}, a whole Sigstore in one process. Development instance: it certifies whatever it is told.

Services        ${services}
${tuf === undefined ? '' : `TUF repository  ${tuf.publicUrl}/  (initial root: ${tuf.publicUrl}/root.json)\n`}\
Issuers         ${devOidc.publicUrl}/oidc  (for tests also /oidc/uri and /oidc/ci)
Health          ${devOidc.publicUrl}/readyz
`;
}
