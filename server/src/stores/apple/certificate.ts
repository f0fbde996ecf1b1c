/** Apple's marks on its certificates, read from the DER itself: Node gives no access to extensions it does not know. */

/** 1.2.840.113635.100.6.2.1: may issue App Store signing certificates. */
export const INTERMEDIATE_MARK = '2a864886f76364060201';
/** 1.2.840.113635.100.6.11.1: signs App Store receipts, transactions and notifications. */
export const LEAF_MARK = '2a864886f76364060b01';

const OID = 0x06;
const SEQUENCE = 0x30;
/** `extensions [3] EXPLICIT` of a TBSCertificate (RFC 5280 §4.1). */
const EXTENSIONS = 0xa3;

interface Element {
  tag: number;
  /** Of the content. */
  start: number;
  end: number;
}

/** The DER element at `at`; throws where the encoding breaks off. */
function elementAt(der: Uint8Array, at: number, limit: number): Element {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) throw new RangeError('DER ends early');
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new RangeError('DER length not supported');
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (der[start + index] ?? Number.NaN);
    start += count;
  }
  const end = start + length;
  if (!(end <= limit)) throw new RangeError('DER ends early');
  return { tag, start, end };
}

function* childrenOf(der: Uint8Array, parent: Element): Generator<Element> {
  let at = parent.start;
  while (at < parent.end) {
    const child = elementAt(der, at, parent.end);
    yield child;
    at = child.end;
  }
}

/** The content bytes (hex) of the object identifiers of all extensions of a DER certificate; empty for anything malformed. */
export function extensionsOf(der: Uint8Array): ReadonlySet<string> {
  const found = new Set<string>();
  try {
    const certificate = elementAt(der, 0, der.length);
    const [tbs] = childrenOf(der, certificate);
    if (!tbs) return found;
    for (const part of childrenOf(der, tbs)) {
      if (part.tag !== EXTENSIONS) continue;
      for (const list of childrenOf(der, part)) {
        for (const extension of childrenOf(der, list)) {
          if (extension.tag !== SEQUENCE) continue;
          const [id] = childrenOf(der, extension);
          if (id?.tag === OID) found.add(Buffer.from(der.subarray(id.start, id.end)).toString('hex'));
        }
      }
    }
  } catch {
    return new Set();
  }
  return found;
}
