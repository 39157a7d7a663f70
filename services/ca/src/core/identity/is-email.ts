/** Code points beyond ASCII that the address grammar below admits (they fail later, in the certificate). */
const WIDE = '\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF';

/** SPEC: RFC 5322 §3.2.3 dot-atom; a quoted local part is not accepted. */
const LOCAL = new RegExp(`^[A-Za-z0-9!#$%&'*+/=?^_\`{|}~${WIDE}-]+(?:\\.[A-Za-z0-9!#$%&'*+/=?^_\`{|}~${WIDE}-]+)*$`);
const DOMAIN_START = new RegExp(`^[A-Za-z0-9${WIDE}]`);
const DOMAIN = new RegExp(`^[A-Za-z0-9._~${WIDE}-]*[A-Za-z0-9${WIDE}]$`);
/** The last label begins and ends with a letter. */
const TOP = new RegExp(`^[A-Za-z${WIDE}](?:[A-Za-z0-9_~${WIDE}-]*[A-Za-z${WIDE}])?$`);

/**
 * Whether `text` is an address by the grammar that upstream applies: one `@`, a dot-atom before it, a dotted domain
 * after it whose last label is no number. Linear time.
 */
export function isEmail(text: string): boolean {
  const at = text.indexOf('@');
  if (at < 0 || text.includes('@', at + 1) || !LOCAL.test(text.slice(0, at))) return false;
  const domain = text.slice(at + 1).replace(/\.$/, '');
  const dot = domain.lastIndexOf('.');
  if (dot <= 0) return false;
  const rest = domain.slice(0, dot);
  return DOMAIN_START.test(rest) && DOMAIN.test(rest) && TOP.test(domain.slice(dot + 1));
}
