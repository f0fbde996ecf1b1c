/**
 * The closed table of error codes: one HTTP status per code, a message for people, and what to do about it.
 * Every error answer is `{ code, message, fix }` from here; `docs/reference/errors.md` lists exactly these.
 */
export const ERRORS = {
  app_unknown: [404, 'There is no app with this slug.', 'Check the slug in the URL, or create the app first.'],
  store_unknown: [
    404,
    'This store is not known, or the app has no account for it.',
    'Save the store settings of the app first.',
  ],
  store_body_invalid: [
    400,
    'The body is not what this store sends.',
    'Send the store’s notification untouched, as it arrived.',
  ],
  store_body_too_large: [
    413,
    'The body is larger than this store ever sends.',
    'Send the store’s notification untouched, as it arrived.',
  ],
  store_body_slow: [408, 'The body did not arrive in time.', 'Send it again; the store does so by itself.'],
  store_signature_invalid: [
    401,
    'The signature of the notification does not hold.',
    'Only the store itself can send here. Check that nothing on the way changes the body.',
  ],
  store_app_mismatch: [
    403,
    'The notification is genuine but belongs to another app.',
    'Compare bundle id and app id in the store settings with those of the app that points here.',
  ],
  store_environment_refused: [
    403,
    'This environment is never accepted.',
    'Only the store’s production and sandbox environments are accepted.',
  ],
  store_unavailable: [
    503,
    'The notification could not be stored.',
    'Send it again later; the store does so by itself.',
  ],
  store_credentials_invalid: [
    422,
    'The store refuses the API credentials.',
    'Check issuer id, key id and private key, then press Check again.',
  ],
  unauthorized: [
    401,
    'The key is missing or wrong.',
    'Send a valid API key as `Authorization: Bearer …`, or the app key as `x-api-key`.',
  ],
  forbidden: [403, 'The key does not have the scope for this.', 'Create a key with the scope named in the message.'],
  not_found: [404, 'There is nothing at this address.', 'Check the address against /api/openapi.json.'],
  request_invalid: [
    400,
    'The request does not fit its schema.',
    'See the message for the field, and /api/openapi.json for the shape.',
  ],
  request_too_large: [413, 'The body is too large.', 'Send less at once.'],
  settings_invalid: [422, 'These settings cannot be saved.', 'Correct the field named in the message.'],
  bundle_id_taken: [
    409,
    'Another app of this installation already has this bundle id.',
    'Each bundle id belongs to one app per store.',
  ],
  account_token_taken: [
    409,
    'This account token already belongs to another user.',
    'Give each user a token of their own.',
  ],
  client_id_length: [
    422,
    'An AT Internet client id has exactly 16 or 36 characters.',
    'Hand over the id as the AT Internet SDK gives it, unchanged.',
  ],
  event_name_invalid: [
    422,
    'AT Internet cannot take this event name.',
    'Use letters, digits, underscores and dots, beginning with a letter.',
  ],
  rate_limited: [429, 'Too many requests.', 'Slow down and try again after the time in Retry-After.'],
  overloaded: [503, 'The server has more work than it can take right now.', 'Try again after the time in Retry-After.'],
  database_unavailable: [503, 'The database does not answer.', 'Check that PostgreSQL runs and DATABASE_URL is right.'],
  schema_newer: [
    500,
    'The database was changed by a newer version of Pianola.',
    'Start a version at least as new as the database.',
  ],
  simulator_database: [
    500,
    'This database was used with the simulator.',
    'Use another database for production, or start with --simulator.',
  ],
  database_owned: [
    500,
    'Another process already runs the embedded database in this folder.',
    'Stop it, or give this one its own data folder.',
  ],
  config_invalid: [500, 'The configuration cannot be used.', 'Correct the variable named in the message.'],
  internal: [500, 'Something went wrong on our side.', 'Look for the request id in the log.'],
} as const satisfies Record<string, readonly [status: number, message: string, fix: string]>;

export type ErrorCode = keyof typeof ERRORS;

export class PianolaError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fix: string;
  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    const [status, message, fix] = ERRORS[code];
    super(detail ? `${message} ${detail}` : message, options);
    this.name = 'PianolaError';
    this.code = code;
    this.status = status;
    this.fix = fix;
  }
  toJSON(): { code: ErrorCode; message: string; fix: string } {
    return { code: this.code, message: this.message, fix: this.fix };
  }
}
