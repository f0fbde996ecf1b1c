/**
 * Sends notifications to the app's URL as Apple does: a success is 200 to 206; in production five more tries, 1, 12, 24, 48 and 72 hours
 * after the one before, on the simulated clock; in the sandbox none. A retry repeats the body byte for byte.
 */
import { Agent, request } from 'undici';
import type { Timeline } from '../../clock/timeline.ts';
import type { AppleEnvironment, NotificationContent } from './notification.ts';
import { HOUR_MS } from './period.ts';

export const RETRY_HOURS = [1, 12, 24, 48, 72] as const;
/** Unpublished at Apple, which asks for an answer within a second. */
const ANSWER_MS = 10_000;

/** Apple's words. */
export type AttemptResult =
  | 'SUCCESS'
  | 'TIMED_OUT'
  | 'TLS_ISSUE'
  | 'NO_RESPONSE'
  | 'SOCKET_ISSUE'
  | 'INVALID_RESPONSE'
  | 'UNSUCCESSFUL_HTTP_RESPONSE_CODE'
  | 'OTHER';

export interface Attempt {
  /** Epoch ms of the simulated clock. */
  at: number;
  result: AttemptResult;
  /** HTTP status, if an answer came. */
  status: number | null;
}

export interface SentNotification {
  uuid: string;
  bundleId: string;
  environment: AppleEnvironment;
  subscriberId: string | null;
  type: string;
  subtype: string | null;
  signedDate: number;
  signedPayload: string;
  /** What was signed, for reading. */
  content: NotificationContent;
  testToken: string | null;
  attempts: Attempt[];
  /** `kept`: made but not sent, on request. `waiting`: for its first or next try. */
  state: 'kept' | 'waiting' | 'delivered' | 'failed';
  /** Epoch ms of the next try. */
  nextAt: number | null;
}

const RESULT_OF_CODE: Record<string, AttemptResult> = {
  UND_ERR_CONNECT_TIMEOUT: 'TIMED_OUT',
  UND_ERR_HEADERS_TIMEOUT: 'TIMED_OUT',
  UND_ERR_BODY_TIMEOUT: 'TIMED_OUT',
  ETIMEDOUT: 'TIMED_OUT',
  ECONNREFUSED: 'NO_RESPONSE',
  ENOTFOUND: 'NO_RESPONSE',
  EAI_AGAIN: 'NO_RESPONSE',
  EHOSTUNREACH: 'NO_RESPONSE',
  ECONNRESET: 'SOCKET_ISSUE',
  EPIPE: 'SOCKET_ISSUE',
  UND_ERR_SOCKET: 'SOCKET_ISSUE',
};

function resultOf(error: unknown): AttemptResult {
  const code = (error as { code?: string }).code ?? '';
  if (/CERT|TLS|SSL|SELF_SIGNED/.test(code)) return 'TLS_ISSUE';
  if (code.startsWith('HPE_')) return 'INVALID_RESPONSE';
  return RESULT_OF_CODE[code] ?? 'OTHER';
}

export class Delivery {
  readonly #timeline: Timeline;
  readonly #urlOf: (notification: SentNotification) => string | null;
  readonly #changed: () => void;
  readonly #agent = new Agent({ connect: { timeout: 3_000 }, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });

  /** `urlOf` gives the app's present URL; `changed` is told of every attempt. */
  constructor(timeline: Timeline, urlOf: (notification: SentNotification) => string | null, changed: () => void) {
    this.#timeline = timeline;
    this.#urlOf = urlOf;
    this.#changed = changed;
  }

  /** One attempt now, and the following ones planned if it fails. Never throws. */
  async send(notification: SentNotification): Promise<Attempt | null> {
    const url = this.#urlOf(notification);
    if (url === null) {
      notification.state = 'failed';
      return null;
    }
    const attempt = await this.#attempt(url, notification.signedPayload);
    notification.attempts.push(attempt);
    if (attempt.result === 'SUCCESS') {
      notification.state = 'delivered';
      notification.nextAt = null;
    } else if (notification.state !== 'delivered') {
      this.#planNext(notification);
    }
    this.#changed();
    return attempt;
  }

  /** Plans what was still waiting when the state was saved. */
  resume(notification: SentNotification): void {
    if (notification.state === 'waiting') this.#plan(notification, notification.nextAt ?? this.#timeline.now());
  }

  /** Ends attempts under way, too: a server that is being stopped beside us may never answer. */
  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #attempt(url: string, signedPayload: string): Promise<Attempt> {
    const at = this.#timeline.now();
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: { 'content-type': 'application/json', 'user-agent': 'AppStoreServerNotifications (simulated)' },
        body: JSON.stringify({ signedPayload }),
      });
      await answer.body.dump();
      const success = answer.statusCode >= 200 && answer.statusCode <= 206;
      return { at, result: success ? 'SUCCESS' : 'UNSUCCESSFUL_HTTP_RESPONSE_CODE', status: answer.statusCode };
    } catch (error) {
      return { at, result: resultOf(error), status: null };
    }
  }

  #planNext(notification: SentNotification): void {
    const failures = notification.attempts.filter((attempt) => attempt.result !== 'SUCCESS').length;
    const hours = notification.environment === 'Production' ? RETRY_HOURS[failures - 1] : undefined;
    notification.state = hours === undefined ? 'failed' : 'waiting';
    notification.nextAt = null;
    if (hours !== undefined) this.#plan(notification, this.#timeline.now() + hours * HOUR_MS);
  }

  #plan(notification: SentNotification, at: number): void {
    notification.nextAt = at;
    this.#timeline.plan(at, async () => {
      // Sent by hand meanwhile, or planned again.
      if (notification.state === 'waiting' && notification.nextAt === at) await this.send(notification);
    });
  }
}
