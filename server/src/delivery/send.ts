/** Puts a request on the wire exactly as it was encoded: no redirects, no cookies, nothing added but what HTTP itself needs. */
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import type { Answer, OutgoingRequest } from '../integrations/integration.ts';
import { isPublicAddress } from '../lib/address.ts';

const CONNECT_MS = 5_000;
const TOTAL_MS = 30_000;
/** An answer's body is of no interest; one this long is not waited for. */
const MAX_BODY = 65_536;
/** More than any integration may have in flight. */
const CONNECTIONS = 256;

export interface Sender {
  /** Never rejects: whatever happens is an answer. */
  send(request: OutgoingRequest): Promise<Answer>;
  close(): Promise<void>;
}

export interface SenderOptions {
  /** Targets may resolve to private addresses (the simulator). */
  allowPrivateTargets: boolean;
  /** For tests of name resolution. */
  lookup?: typeof systemLookup;
  totalMs?: number;
}

export function createSender({
  allowPrivateTargets,
  lookup = systemLookup,
  totalMs = TOTAL_MS,
}: SenderOptions): Sender {
  const pools = new Map<string, Pool>();
  const connect = {
    timeout: CONNECT_MS,
    lookup: allowPrivateTargets ? (lookup as LookupFunction) : publicOnly(lookup),
  };
  const poolOf = (origin: string) => {
    let pool = pools.get(origin);
    if (!pool) {
      pool = new Pool(origin, {
        connections: CONNECTIONS,
        pipelining: 1,
        allowH2: false,
        connect,
        headersTimeout: totalMs,
        bodyTimeout: totalMs,
      });
      pools.set(origin, pool);
    }
    return pool;
  };
  return {
    send(request) {
      const url = new URL(request.url);
      // The path as it was encoded: URL would write some characters differently.
      const path = request.url.slice(url.origin.length);
      return exchange(poolOf(url.origin), path, request, totalMs);
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

function exchange(
  pool: Pool,
  path: string,
  { method, headers, body }: OutgoingRequest,
  totalMs: number,
): Promise<Answer> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let written = false;
    let seen: { status: number; headers: Record<string, string> } | undefined;
    let length = 0;
    let isOver = false;
    const end = (code: string) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      resolve(seen ? { kind: 'status', ...seen } : { kind: 'failure', code, bytesWritten: written });
    };
    const timer = setTimeout(() => {
      end('TOTAL_TIMEOUT');
      controller?.abort(new Error('timeout'));
    }, totalMs);
    const flat = Object.entries(headers).flat();
    try {
      pool.dispatch(
        { path, method, headers: flat, body },
        {
          onRequestStart(started) {
            controller = started;
            // The time ran out while the request waited for a connection.
            if (isOver) return started.abort(new Error('timeout'));
            // Called right before the bytes go to the connected socket.
            written = true;
          },
          onResponseStart(_, status, answered) {
            if (status < 200) return;
            seen = { status, headers: flatten(answered) };
          },
          onResponseData(current, chunk) {
            length += chunk.length;
            if (length <= MAX_BODY) return;
            end('');
            current.abort(new Error('body too long'));
          },
          onResponseEnd: () => end('CLOSED'),
          onResponseError: (_, error) => end(codeOf(error)),
        },
      );
    } catch (error) {
      end(codeOf(error as Error));
    }
  });
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  return flat;
}

function codeOf(error: Error & { code?: string; errors?: (Error & { code?: string })[] }): string {
  return (error.code ?? error.errors?.[0]?.code ?? error.name).slice(0, 100);
}

/** Resolves names, and refuses those that lead to a private address; the address that was judged is the one connected to. */
function publicOnly(lookup: typeof systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      if (addresses.length === 0 || addresses.some(({ address }) => !isPublicAddress(address))) {
        return callback(
          Object.assign(new Error(`${hostname} leads to a private address`), { code: 'PRIVATE_TARGET' }),
          '',
          0,
        );
      }
      if (options.all) return callback(null, addresses);
      return callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}
