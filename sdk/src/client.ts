/**
 * The client an app uses to tell Pianola who is in front of it and what was bought. Nothing is read, nothing is stored on the
 * device, every call may be repeated. Needs `fetch`, nothing else: browsers, React Native, Capacitor, Node.
 *
 * ```ts
 * const pianola = createClient({ baseUrl: 'https://pianola.example.com', apiKey: 'app_…', anonymousUserId });
 * await pianola.identify('user-4711');
 * await pianola.setAttribute(AT_INTERNET_ID_CLIENT, idClient);
 * ```
 */

/** The visitor's client id, exactly as the AT Internet SDK gives it, or the word it gives in its place after an opt-out. */
export const AT_INTERNET_ID_CLIENT = 'at_internet_id_client';

export type AttributeName = typeof AT_INTERNET_ID_CLIENT;
export type Store = 'apple';

export interface ClientOptions {
  /** Where your Pianola server is reached, e.g. `https://pianola.example.com`. */
  baseUrl: string;
  /** The public key of the app, `app_…`. Not an API key: those must never be in an app. */
  apiKey: string;
  /**
   * A UUID your app makes at its first start and keeps on the device. Pass the same one to the store with each purchase
   * (StoreKit 2: `appAccountToken`), and purchases find their visitor by themselves.
   */
  anonymousUserId: string;
  /** Real milliseconds one call may take; 10,000 unless given. */
  timeoutMs?: number;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface Client {
  /**
   * Says who is logged in: your id of the user, or null when nobody is. Without an argument, only that this installation exists.
   * @throws PianolaError
   */
  identify(userId?: string | null): Promise<void>;
  /**
   * Says under which id another product knows this visitor. Call it whenever that id may have changed.
   * @throws PianolaError `client_id_length` when it is no such id; the last valid one stays
   */
  setAttribute(name: AttributeName, value: string): Promise<void>;
  /**
   * Hands in a purchase, so that it has its owner before the store reports it.
   * @param signed the signed transaction as the store gave it (StoreKit 2: `jwsRepresentation`)
   * @throws PianolaError
   */
  handIn(store: Store, signed: string): Promise<void>;
}

/** What the server refused, or why it could not be asked. */
export class PianolaError extends Error {
  /** The server's code, or `unreachable` when no answer came. */
  readonly code: string;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** What to do about it. */
  readonly fix: string;
  constructor(code: string, status: number, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PianolaError';
    this.code = code;
    this.status = status;
    this.fix = fix;
  }
  /** The same call may succeed later: no answer, too many requests, or trouble on the server's side. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const TIMEOUT_MS = 10_000;

export function createClient({
  baseUrl,
  apiKey,
  anonymousUserId,
  timeoutMs = TIMEOUT_MS,
  fetch: send = fetch,
}: ClientOptions): Client {
  const root = `${baseUrl.replace(/\/+$/, '')}/sdk/v1`;

  const post = async (path: string, body: object): Promise<void> => {
    // Not AbortSignal.timeout: React Native has none.
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    try {
      const answer = await send(root + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
        body: JSON.stringify({ anonymous_user_id: anonymousUserId, ...body }),
        signal: abort.signal,
      });
      if (!answer.ok) throw await refusal(answer);
    } catch (error) {
      if (error instanceof PianolaError) throw error;
      throw new PianolaError('unreachable', 0, `${baseUrl} did not answer.`, 'Try again later, and check baseUrl.', {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    identify: (userId) => post('/identify', userId === undefined ? {} : { user_id: userId }),
    setAttribute: (name, value) => post('/attributes', { attributes: { [name]: value } }),
    handIn: (store, signed) => post('/transactions', { store, signed }),
  };
}

async function refusal(answer: Response): Promise<PianolaError> {
  const said = (await answer.json().catch(() => ({}))) as { code?: string; message?: string; fix?: string };
  return new PianolaError(
    said.code ?? 'unexpected',
    answer.status,
    said.message ?? `The server answered ${answer.status}.`,
    said.fix ?? 'Check that baseUrl is a Pianola server.',
  );
}
