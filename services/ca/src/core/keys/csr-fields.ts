import { contextPrimitive, DerError, type DerElement, readDer, Tag } from '@sigstead/formats';
import { parseGoUrl } from '../go/go-url.ts';

const NUMERIC_STRING = 0x12;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALT_NAME = '2.5.29.17';

/** Walks a Name the way upstream's parser does: structure, and character sets of the strings it knows. */
export function checkName(name: Uint8Array): void {
  const sets = readDer(name).children();
  while (!sets.done) {
    const attributes = sets.next(Tag.set).children();
    while (!attributes.done) {
      const pair = attributes.next(Tag.sequence).children();
      pair.next(Tag.oid).oid();
      checkString(pair.next());
      pair.end();
    }
  }
}

/** SPEC: X.680 §41, RFC 5280 §4.1.2.4. `*` and `&` pass as they do upstream. */
function checkString(value: DerElement): void {
  const latin = Buffer.from(value.content).toString('latin1');
  const fits =
    value.tag === Tag.printableString
      ? /^[A-Za-z0-9 '()+,\-./:=?*&]*$/.test(latin)
      : value.tag === Tag.ia5String
        ? /^[\x00-\x7f]*$/.test(latin)
        : value.tag === NUMERIC_STRING
          ? /^[0-9 ]*$/.test(latin)
          : value.tag === Tag.utf8String
            ? isUtf8(value.content)
            : value.tag !== Tag.bmpString || value.content.length % 2 === 0;
  if (!fits) throw new DerError('bad_string', `characters do not fit string tag ${value.tag}`);
}

function isUtf8(bytes: Uint8Array): boolean {
  return Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf8').equals(bytes);
}

/** Requested extensions must parse and stand once; attributes of another shape are passed over. */
export function checkAttributes(attributes: Uint8Array): void {
  const list = readDer(attributes).children();
  while (!list.done) {
    const value = extensionRequest(list.next());
    if (value !== undefined) checkExtensions(value);
  }
}

function extensionRequest(attribute: DerElement): DerElement | undefined {
  try {
    const cursor = attribute.children();
    if (cursor.next(Tag.oid).oid() !== EXTENSION_REQUEST) return undefined;
    const values = cursor.next(Tag.set).children();
    return values.done ? undefined : values.next();
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function checkExtensions(value: DerElement): void {
  if (value.tag !== Tag.sequence) throw new DerError('unexpected_tag', 'extension request is no SEQUENCE');
  const seen = new Set<string>();
  for (const list = value.children(); !list.done; ) {
    const extension = list.next(Tag.sequence).children();
    const oid = extension.next(Tag.oid).oid();
    if (seen.has(oid)) throw new DerError('bad_structure', `extension ${oid} requested twice`);
    seen.add(oid);
    extension.optional(Tag.boolean)?.boolean();
    const content = extension.next(Tag.octetString).octetString();
    extension.end();
    if (oid === SUBJECT_ALT_NAME) checkAltNames(content);
  }
}

/** SPEC: RFC 5280 §4.2.1.6: addresses, host names and URIs are IA5String, IP addresses 4 or 16 octets. */
function checkAltNames(content: Uint8Array): void {
  for (const names = readDer(content).children(); !names.done; ) {
    const name = names.next();
    const text = Buffer.from(name.content).toString('latin1');
    const isText = [1, 2, 6].some((n) => name.tag === contextPrimitive(n));
    if (isText && !/^[\x00-\x7f]*$/.test(text)) throw new DerError('bad_string', 'alternative name is not ASCII');
    if (name.tag === contextPrimitive(6)) checkUri(text);
    const isAddress = name.tag === contextPrimitive(7);
    if (isAddress && ![4, 16].includes(name.content.length)) throw new DerError('bad_structure', 'IP address length');
  }
}

function checkUri(text: string): void {
  try {
    parseGoUrl(text);
  } catch (error) {
    throw new DerError('bad_string', `alternative name is no URI: ${String(error)}`);
  }
}
