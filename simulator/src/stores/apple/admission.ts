/** Who may call the App Store Server API, how often, and what is made to fail. */
import { randomUUID } from 'node:crypto';
import type { Reply } from '../../http/router.ts';
import type { App } from './catalogue.ts';
import type { AppleEnvironment } from './notification.ts';
import { appOfToken } from './token.ts';

/** Answers of one app's API that are made to fail. */
export interface ApiFault {
  /** Part of the path; empty = every call. */
  path: string;
  status: number;
  errorCode: number;
  /** Milliseconds from the answer to the moment `Retry-After` names; null = no such header. */
  retryAfterMs: number | null;
  /** How often it still acts. */
  times: number;
}

const MESSAGES: Record<number, string> = {
  4000006: 'Invalid transaction id.',
  4000012: 'The start date is too far in the past.',
  4000013: 'The start date is after the end date.',
  4000014: 'Invalid pagination token.',
  4000015: 'Invalid start date.',
  4000016: 'Invalid end date.',
  4000021: 'Invalid sort.',
  4040005: 'Original transaction id not found.',
  4040007: 'No App Store Server Notification URL found for this app.',
  4040008: 'The test notification is not known, or its status is not yet available.',
  4040010: 'Transaction id not found.',
  4290000: 'Rate limit exceeded.',
};

/** Apple's form of an error. The first three digits of its codes are the HTTP status. */
export function refuse(
  errorCode: number,
  status = Math.floor(errorCode / 10_000),
  headers: Record<string, string> = {},
): Reply {
  return { status, headers, json: { errorCode, errorMessage: MESSAGES[errorCode] ?? 'An unknown error occurred.' } };
}

const unauthenticated = (): Reply => ({ status: 401, text: `Unauthenticated\n\nRequest ID: ${randomUUID()}\n` });

export class Admission {
  /** By bundle id. */
  readonly faults = new Map<string, ApiFault[]>();
  /** Requests of the running second, by app and environment. */
  readonly #seconds = new Map<string, { second: number; count: number }>();
  readonly #apps: ReadonlyMap<string, App>;
  readonly #now: () => number;

  constructor(apps: ReadonlyMap<string, App>, now: () => number) {
    this.#apps = apps;
    this.#now = now;
  }

  /** The app that asks, or the refusal. */
  admit(
    authorization: string | undefined,
    path: string,
    environment: AppleEnvironment,
  ): { app: App } | { reply: Reply } {
    const app = appOfToken(authorization, this.#apps, this.#now());
    if (!app) return { reply: unauthenticated() };
    const reply = this.#fault(app, path) ?? this.#throttle(app, environment);
    return reply ? { reply } : { app };
  }

  #fault(app: App, path: string): Reply | null {
    const fault = this.faults.get(app.bundleId)?.find((one) => one.times > 0 && path.includes(one.path));
    if (!fault) return null;
    fault.times--;
    if (fault.status === 401) return unauthenticated();
    return refuse(
      fault.errorCode,
      fault.status,
      fault.retryAfterMs === null ? {} : this.#retryAfter(fault.retryAfterMs),
    );
  }

  /** Counted in real time: the limit is about requests, not about the story they tell. */
  #throttle(app: App, environment: AppleEnvironment): Reply | null {
    if (app.requestsPerSecond === null) return null;
    const second = Math.floor(Date.now() / 1_000);
    const key = `${app.bundleId}:${environment}`;
    const window = this.#seconds.get(key);
    const count = window?.second === second ? window.count + 1 : 1;
    this.#seconds.set(key, { second, count });
    return count > app.requestsPerSecond ? refuse(4290000, 429, this.#retryAfter(1_000)) : null;
  }

  /** Apple's `Retry-After` is a Unix time in milliseconds, not a number of seconds. */
  #retryAfter(ms: number): Record<string, string> {
    return { 'retry-after': String(this.#now() + ms) };
  }
}
