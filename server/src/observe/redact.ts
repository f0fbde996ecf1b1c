/**
 * Takes secrets out of whatever is about to be logged. Two nets: names of fields that hold secrets, and the shape of
 * secrets inside text (keys, tokens, signed strings, passwords in URLs), because an error message of a library quotes
 * what it was given.
 */
export const MASK = '[redacted]';

/** A field whose name has one of these words is masked whole. Names are compared in lower case without `_` and `-`. */
const SECRET_WORDS = [
  'password',
  'passwd',
  'secret',
  'token',
  'apikey',
  'privatekey',
  'sealed',
  'authorization',
  'cookie',
  'signedpayload',
  'credential',
  'databaseurl',
];
/** Contain one of those words, but hold no secret. */
const HARMLESS = new Set(['tokenkind', 'secretfields', 'hassecret']);

const SECRET_TEXT: readonly [pattern: RegExp, replacement: string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
  // A JWS or JWT: three base64url parts, the first of which is a JSON object.
  [/\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g, MASK],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${MASK}`],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, `$1:${MASK}@`],
];

/** Said of a secret instead of showing it, as in the start-up summary. */
const STATEMENTS: ReadonlySet<unknown> = new Set([
  'configured',
  'not set',
  'key file in the data folder',
  true,
  false,
  null,
  undefined,
]);

/** Deeper structures are bugs of the caller; cutting them keeps a log line from becoming a dump. */
const MAX_DEPTH = 6;

/** Masks secrets inside one text. */
export function redactText(text: string): string {
  let out = text;
  for (const [pattern, replacement] of SECRET_TEXT) out = out.replace(pattern, replacement);
  return out;
}

export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[_-]/g, '');
  return !HARMLESS.has(plain) && SECRET_WORDS.some((word) => plain.includes(word));
}

/**
 * A copy of `value` that may be logged: plain objects and arrays are walked, errors become `{ type, message, stack, code }`,
 * anything else with a class (a request, a socket) is left for its own serializer. Never changes its input.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const out: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    out[name] = isSecretName(name) && !STATEMENTS.has(item) ? MASK : redact(item, depth + 1);
  }
  return out;
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {
    type: error.name,
    message: redactText(error.message),
    stack: redactText(error.stack ?? ''),
  };
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) out['code'] = error.code;
  if (error.cause !== undefined) out['cause'] = redact(error.cause, depth + 1);
  return out;
}
