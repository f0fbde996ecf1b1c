/** The provisioning API and the SDK's endpoints, as a test or bench speaks to them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Api {
  get<T>(path: string): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** Every item of a list, page by page. */
  list<T>(path: string): Promise<T[]>;
}

interface Page<T> {
  items: T[];
  next: string | null;
}

/** With the key that a server started with `--simulator` leaves in its data folder. */
export function connectApi(url: string, dataDir: string): Api {
  const key = readFileSync(join(dataDir, 'simulator-api-key'), 'utf8').trim();
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  return {
    get: (path) => call('GET', path),
    put: (path, body) => call('PUT', path, body),
    post: (path, body) => call('POST', path, body),
    list: async <T>(path: string) => {
      const items: T[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const separator = path.includes('?') ? '&' : '?';
        const page: Page<T> = await call(
          'GET',
          `${path}${separator}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
        );
        items.push(...page.items);
        cursor = page.next;
      }
      return items;
    },
  };
}

/** One call of an app's SDK. */
export async function sdkCall(url: string, publicKey: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(`${url}/sdk/v1${path}`, {
    method: 'POST',
    headers: { 'x-api-key': publicKey, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  if (!response.ok) throw new Error(`SDK ${path} answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}
