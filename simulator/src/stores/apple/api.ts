/**
 * The App Store Server API, the calls Pianola makes: history, statuses, transaction and refund look-up, notification history, test
 * notification. Answers and errors have Apple's form: `{errorCode, errorMessage}`, 401 as plain text, `Retry-After` in milliseconds since
 * 1970.
 */
import { randomUUID } from 'node:crypto';
import type { Call, Reply, Router } from '../../http/router.ts';
import { type Admission, refuse } from './admission.ts';
import type { AppStore } from './app-store.ts';
import type { App } from './catalogue.ts';
import type { SentNotification } from './delivery.ts';
import type { AppleEnvironment } from './notification.ts';
import { renewalPayload, transactionPayload } from './payload.ts';
import { DAY_MS } from './period.ts';
import { latest, type Subscriber, type Transaction } from './state.ts';

/** Apple: 20 transactions a page, 20 notifications a page. */
const PAGE = 20;
/** How far back notifications can be asked for. */
const HISTORY_DAYS: Record<AppleEnvironment, number> = { Production: 180, Sandbox: 30 };

interface Request {
  call: Call;
  app: App;
  environment: AppleEnvironment;
}

type Answerer = (request: Request) => Reply | Promise<Reply>;

export class AppleApi {
  readonly #store: AppStore;

  constructor(store: AppStore) {
    this.#store = store;
  }

  addRoutes(router: Router, admission: Admission): void {
    for (const environment of ['Production', 'Sandbox'] as const) {
      const add = (method: string, path: string, answer: Answerer): void => {
        router.add(method, `/apple/${environment.toLowerCase()}/inApps${path}`, (call) => {
          const admitted = admission.admit(call.headers.authorization, call.path, environment);
          return 'reply' in admitted ? admitted.reply : answer({ call, app: admitted.app, environment });
        });
      };
      add('GET', '/v2/history/{id}', (request) => this.#history(request));
      add('GET', '/v1/subscriptions/{id}', (request) => this.#statuses(request));
      add('GET', '/v1/transactions/{id}', (request) => this.#transaction(request));
      add('GET', '/v2/refund/lookup/{id}', (request) => this.#refunds(request));
      add('POST', '/v1/notifications/history', (request) => this.#notifications(request));
      add('POST', '/v1/notifications/test', (request) => this.#requestTest(request));
      add('GET', '/v1/notifications/test/{token}', (request) => this.#test(request));
    }
  }

  /** The subscriber who made the transaction, if it is of this app and environment. */
  #holder({ call, app, environment }: Request): Subscriber | Reply {
    const id = call.params.id as string;
    if (!/^\d{1,30}$/.test(id)) return refuse(4000006);
    const holder = this.#store.holderOf(environment, id);
    return holder?.bundleId === app.bundleId ? holder : refuse(4040010);
  }

  #signed(subscriber: Subscriber, transactions: readonly Transaction[]): string[] {
    const now = this.#store.timeline.now();
    return transactions.map((transaction) => this.#store.sign(transactionPayload(transaction, subscriber, now)));
  }

  #head({ app, environment }: Request): Record<string, unknown> {
    return { bundleId: app.bundleId, environment, ...(environment === 'Production' && { appAppleId: app.appAppleId }) };
  }

  /** All of the customer's transactions in the app, whichever of them is named. `revision` is where the next page begins. */
  #history(request: Request): Reply {
    const holder = this.#holder(request);
    if (!('chains' in holder)) return holder;
    const { query } = request.call;
    const sort = query.get('sort') ?? 'ASCENDING';
    if (sort !== 'ASCENDING' && sort !== 'DESCENDING') return refuse(4000021);
    const from = Number(query.get('startDate') ?? 0);
    const to = Number(query.get('endDate') ?? Number.MAX_SAFE_INTEGER);
    const products = query.getAll('productId');
    const all = transactionsOf(holder)
      .filter((one) => one.purchaseDate >= from && one.purchaseDate < to)
      .filter((one) => products.length === 0 || products.includes(one.productId));
    if (sort === 'DESCENDING') all.reverse();
    const start = readOffset(query.get('revision'));
    if (start === null) return refuse(4000014);
    return { json: { ...this.#head(request), ...this.#page(holder, all, start) } };
  }

  #refunds(request: Request): Reply {
    const holder = this.#holder(request);
    if (!('chains' in holder)) return holder;
    const start = readOffset(request.call.query.get('revision'));
    if (start === null) return refuse(4000014);
    const refunded = transactionsOf(holder).filter((one) => one.revocation?.type.startsWith('REFUND'));
    return { json: this.#page(holder, refunded, start) };
  }

  #page(holder: Subscriber, all: readonly Transaction[], start: number): Record<string, unknown> {
    const end = Math.min(all.length, start + PAGE);
    return {
      signedTransactions: this.#signed(holder, all.slice(start, end)),
      hasMore: end < all.length,
      revision: writeOffset(end),
    };
  }

  #statuses(request: Request): Reply {
    const holder = this.#holder(request);
    if (!('chains' in holder)) return holder;
    const wanted = request.call.query.getAll('status').map(Number);
    const now = this.#store.timeline.now();
    const data = holder.chains
      .filter((chain) => wanted.length === 0 || wanted.includes(chain.status))
      .map((chain) => ({
        subscriptionGroupIdentifier: chain.group,
        lastTransactions: [
          {
            originalTransactionId: chain.originalTransactionId,
            status: chain.status,
            signedTransactionInfo: this.#store.sign(transactionPayload(latest(chain), holder, now)),
            signedRenewalInfo: this.#store.sign(renewalPayload(request.app, holder, chain, now)),
          },
        ],
      }));
    return { json: { ...this.#head(request), data } };
  }

  #transaction(request: Request): Reply {
    const holder = this.#holder(request);
    if (!('chains' in holder)) return holder;
    const one = transactionsOf(holder).filter((candidate) => candidate.transactionId === request.call.params.id);
    const [signedTransactionInfo] = this.#signed(holder, one);
    return { json: { signedTransactionInfo } };
  }

  /** Carries the payloads exactly as they were signed. */
  async #notifications({ call, app, environment }: Request): Promise<Reply> {
    const body = (await call.body()) as Record<string, unknown>;
    const { startDate, endDate } = body;
    const now = this.#store.timeline.now();
    if (typeof startDate !== 'number') return refuse(4000015);
    if (typeof endDate !== 'number') return refuse(4000016);
    if (startDate >= endDate) return refuse(4000013);
    // A day of leeway: a sweep that asks for the whole window takes its time.
    if (startDate < now - (HISTORY_DAYS[environment] + 1) * DAY_MS) return refuse(4000012);
    const start = readOffset(call.query.get('paginationToken'));
    if (start === null) return refuse(4000014);
    const matching = [...this.#store.outbox.notifications.values()].filter(
      (one) =>
        one.bundleId === app.bundleId &&
        one.environment === environment &&
        one.signedDate >= startDate &&
        one.signedDate <= endDate &&
        one.testToken === null &&
        fits(one, body),
    );
    const end = Math.min(matching.length, start + PAGE);
    const hasMore = end < matching.length;
    const notificationHistory = matching.slice(start, end).map(historyItem);
    return { json: { hasMore, ...(hasMore && { paginationToken: writeOffset(end) }), notificationHistory } };
  }

  #requestTest({ app, environment }: Request): Reply {
    const url = app.notificationUrl[environment === 'Production' ? 'production' : 'sandbox'];
    if (url === null) return refuse(4040007);
    const testNotificationToken = `${randomUUID()}_${this.#store.timeline.now()}`;
    const test = this.#store.announce(app.bundleId, environment, {}, testNotificationToken);
    void this.#store.outbox.deliver([test]);
    return { json: { testNotificationToken } };
  }

  #test({ call, app }: Request): Reply {
    const { token } = call.params;
    const test = [...this.#store.outbox.notifications.values()].find((one) => one.testToken === token);
    if (!test || test.bundleId !== app.bundleId || test.attempts.length === 0) return refuse(4040008);
    return { json: historyItem(test) };
  }
}

function transactionsOf(subscriber: Subscriber): Transaction[] {
  const all = [...subscriber.chains.flatMap((chain) => chain.transactions), ...subscriber.purchases];
  return all.toSorted((a, b) => a.purchaseDate - b.purchaseDate || compare(a.transactionId, b.transactionId));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function fits(one: SentNotification, body: Record<string, unknown>): boolean {
  return (
    (body.onlyFailures !== true || one.attempts.every((attempt) => attempt.result !== 'SUCCESS')) &&
    (body.notificationType === undefined || one.type === body.notificationType) &&
    (body.notificationSubtype === undefined || one.subtype === body.notificationSubtype) &&
    (body.transactionId === undefined || one.content.transaction?.originalTransactionId === body.transactionId)
  );
}

function historyItem(one: SentNotification): Record<string, unknown> {
  const sendAttempts = one.attempts.map(({ at, result }) => ({ attemptDate: at, sendAttemptResult: result }));
  return { signedPayload: one.signedPayload, sendAttempts };
}

/** Opaque to the caller. */
const writeOffset = (offset: number): string => Buffer.from(`page:${offset}`).toString('base64url');

function readOffset(token: string | null): number | null {
  if (token === null) return 0;
  const offset = /^page:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  return offset === undefined ? null : Number(offset);
}
