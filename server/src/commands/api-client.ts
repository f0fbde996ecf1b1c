/** The API as the command line speaks to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { type Call, type Options, text, UsageError } from './command.ts';

export const CLIENT_OPTIONS = { url: { type: 'string' }, key: { type: 'string' } } as const satisfies Options;

const TIMEOUT_MS = 30_000;

/** What the server, or the way to it, refused. */
export class ApiError extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

export interface Api {
  get(path: string): Promise<unknown>;
  put(path: string, body: unknown): Promise<unknown>;
  post(path: string): Promise<unknown>;
  /** Every item of a list, page by page, `most` at most. */
  list(path: string, most: number): Promise<Record<string, unknown>[]>;
}

/** @throws UsageError when there is no key */
export function apiOf(call: Call): Api {
  const url = (text(call, 'url') ?? call.config.client.url).replace(/\/+$/, '');
  const key = text(call, 'key') ?? call.config.client.apiKey ?? simulatorKey(call.config);
  if (key === undefined)
    throw new UsageError('An API key is needed: --key or PIANOLA_API_KEY. Make one with: pianola key create');

  const send = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    let answer: Response;
    try {
      answer = await fetch(`${url}/api/v1${path}`, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(method === 'POST' ? 5 * TIMEOUT_MS : TIMEOUT_MS),
      });
    } catch (error) {
      const { cause } = error as { cause?: { code?: string } };
      throw new ApiError(
        `${url} does not answer (${cause?.code ?? String(error)}).`,
        'Start the server, or name another with --url.',
      );
    }
    const parsed = (await answer.json().catch(() => ({}))) as { message?: string; fix?: string };
    if (!answer.ok)
      throw new ApiError(
        parsed.message ?? `${url} answered ${answer.status}.`,
        parsed.fix ?? 'Is this a Pianola server?',
      );
    return parsed;
  };

  return {
    get: (path) => send('GET', path),
    put: (path, body) => send('PUT', path, body),
    post: (path) => send('POST', path),
    async list(path, most) {
      const items: Record<string, unknown>[] = [];
      for (let cursor: string | null = ''; cursor !== null && items.length < most; ) {
        const query = new URLSearchParams({
          limit: String(Math.min(200, most - items.length)),
          ...(cursor && { cursor }),
        });
        const page = (await send('GET', `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`)) as {
          items: Record<string, unknown>[];
          next: string | null;
        };
        items.push(...page.items);
        cursor = page.next;
      }
      return items;
    },
  };
}

/** Written by a server started with `--simulator`, for its owner's eyes only. */
function simulatorKey({ dataDir }: Config): string | undefined {
  try {
    return readFileSync(join(dataDir, 'simulator-api-key'), 'utf8').trim();
  } catch {
    return undefined;
  }
}
