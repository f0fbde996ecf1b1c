/**
 * One request to the App Store Server API and what its answer means for us. Apple: `appstoreserverapi`, "Error codes",
 * "Identifying rate limits". Pianola only reads; the test notification is the one thing it asks Apple to do.
 */
import { Pool } from 'undici';
import type { ReadContext, StoreAccount } from '../store.ts';
import { type Json, numberAt, parseJson } from './json.ts';
import type { AppleEnvironment } from './payload.ts';
import { createQuota } from './quota.ts';
import { type AppleSettings, apiKeyOf, isLoopback } from './settings.ts';
import { apiToken } from './token.ts';

export type ApiAnswer =
  | { kind: 'ok'; body: Json }
  /** Apple has no such thing; `code` is Apple's error code. */
  | { kind: 'not_found'; code: number }
  /** Another try may succeed. `limited`: Apple says when, epoch ms. */
  | { kind: 'again'; reason: 'later' | 'failed'; message: string }
  | { kind: 'limited'; until: number }
  | { kind: 'credentials'; message: string }
  /** Asking again will not help. */
  | { kind: 'refused'; code: number; message: string };

export interface ApiTarget {
  account: Pick<StoreAccount<AppleSettings>, 'appId' | 'settings'>;
  environment: AppleEnvironment;
  context: ReadContext;
}

const CONNECT_TIMEOUT = 3_000;
const ANSWER_TIMEOUT = 10_000;
const IN_FLIGHT_PER_APP = 4;
/** Without `Retry-After`, ms. */
const LIMITED_DEFAULT = 60_000;
/** Account, app, original transaction: "not found, try again". */
const NOT_FOUND_YET = new Set([4040002, 4040004, 4040006]);

const quota = createQuota();

const pools = new Map<string, Pool>();
function poolOf(origin: string): Pool {
  let pool = pools.get(origin);
  if (!pool) {
    pool = new Pool(origin, {
      connections: 32,
      connect: { timeout: CONNECT_TIMEOUT },
      headersTimeout: ANSWER_TIMEOUT,
      bodyTimeout: ANSWER_TIMEOUT,
    });
    pools.set(origin, pool);
  }
  return pool;
}

/** Ends all connections, e.g. before the process stops. */
export async function closeApi(): Promise<void> {
  const open = [...pools.values()];
  pools.clear();
  await Promise.all(open.map((pool) => pool.close()));
}

/** At most four requests of one app are in flight, whatever it waits for; the rest queue up here. */
const gates = new Map<number, { busy: number; waiting: (() => void)[] }>();

async function throughGate<T>(appId: number, work: () => Promise<T>): Promise<T> {
  const gate = gates.get(appId) ?? { busy: 0, waiting: [] };
  gates.set(appId, gate);
  if (gate.busy >= IN_FLIGHT_PER_APP) await new Promise<void>((resolve) => gate.waiting.push(resolve));
  else gate.busy++;
  try {
    return await work();
  } finally {
    const next = gate.waiting.shift();
    // The place goes straight to the next in line, so that nobody can slip in between.
    if (next) next();
    else if (--gate.busy === 0) gates.delete(appId);
  }
}

/** Apple's `Retry-After` is a Unix time in milliseconds; anything that cannot be one is ignored. */
function limitedUntil(header: string | string[] | undefined, now: number): number {
  const at = typeof header === 'string' && /^\d{12,14}$/.test(header) ? Number(header) : Number.NaN;
  return Number.isNaN(at) ? now + LIMITED_DEFAULT : at;
}

function failed(message: string): ApiAnswer {
  return { kind: 'again', reason: 'failed', message };
}

function meaningOf(status: number, text: string, retryAfter: string | string[] | undefined, now: number): ApiAnswer {
  const body = parseJson(text);
  if (status >= 200 && status < 300) return body ? { kind: 'ok', body } : failed('answer is not a JSON object');
  const code = numberAt(body, 'errorCode') ?? 0;
  if (status === 401) return { kind: 'credentials', message: 'Apple refuses the token (401).' };
  if (status === 429) return { kind: 'limited', until: limitedUntil(retryAfter, now) };
  if (status >= 500) return failed(`Apple answers ${status} ${code || ''}`.trim());
  if (status === 404) {
    if (NOT_FOUND_YET.has(code)) return { kind: 'again', reason: 'later', message: `not found yet (${code})` };
    return { kind: 'not_found', code };
  }
  return { kind: 'refused', code, message: `Apple answers ${status} ${code || ''}`.trim() };
}

/** @param path begins with `/`, relative to the host of the environment (which may have a path of its own). */
export async function callApi(
  { account, environment, context }: ApiTarget,
  method: 'GET' | 'POST',
  path: string,
): Promise<ApiAnswer> {
  const { settings, appId } = account;
  const key = apiKeyOf(settings);
  if (!key) return { kind: 'refused', code: 0, message: 'The app has no API key.' };
  const host = environment === 'Production' ? settings.productionHost : settings.sandboxHost;
  if (isLoopback(host) && !context.allowPrivateTargets) {
    return {
      kind: 'refused',
      code: 0,
      message: 'The API host is this machine, which is allowed with the simulator only.',
    };
  }
  // Real time, as Apple counts; a simulator on this machine counts nothing.
  const wait = isLoopback(host) ? 0 : quota.take(appId, environment, performance.now());
  if (wait > 0) return { kind: 'limited', until: context.clock.now() + wait };
  const { origin, pathname } = new URL(host);
  const once = async (fresh: boolean): Promise<ApiAnswer> => {
    const token = await apiToken(appId, settings.bundleId, key, context.clock.now(), { fresh });
    try {
      const answer = await poolOf(origin).request({
        method,
        path: pathname.replace(/\/$/, '') + path,
        headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      });
      const text = await answer.body.text();
      return meaningOf(answer.statusCode, text, answer.headers['retry-after'], context.clock.now());
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error));
    }
  };
  return throughGate(appId, async () => {
    const answer = await once(false);
    // A token may have been refused for its age alone, e.g. after a jump of a clock.
    return answer.kind === 'credentials' ? once(true) : answer;
  });
}
