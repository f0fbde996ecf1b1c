/**
 * The simulated App Store: apps, their subscribers, and the notifications about them. Everything that happens, happens here: an action of
 * a subscriber or a step of time changes the state, the notifications it caused are signed with the state of that very moment, and then
 * delivered one after the other.
 */
import { randomUUID } from 'node:crypto';
import type { Timeline } from '../../clock/timeline.ts';
import { type Fields, choice, object, optionalText } from '../../http/fields.ts';
import { invalid, notFound } from '../../http/problem.ts';
import { dueStep } from './actions/due.ts';
import { ACTIONS } from './actions/index.ts';
import type { Scene } from './actions/scene.ts';
import type { App } from './catalogue.ts';
import { Delivery, type SentNotification } from './delivery.ts';
import type { AppleEnvironment, NotificationContent } from './notification.ts';
import { type Manner, Outbox } from './outbox.ts';
import { contentOf } from './payload.ts';
import { speedOf } from './period.ts';
import type { Signer } from './sign.ts';
import type { Chain, Subscriber, Transaction } from './state.ts';

export const ENVIRONMENTS: readonly AppleEnvironment[] = ['Production', 'Sandbox'];
export interface SavedStore {
  nextNumber: number;
  apps: App[];
  subscribers: Subscriber[];
  notifications: SentNotification[];
}

export class AppStore {
  readonly apps = new Map<string, App>();
  readonly subscribers = new Map<string, Subscriber>();
  readonly outbox: Outbox;
  readonly sign: Signer;
  readonly timeline: Timeline;
  readonly #delivery: Delivery;
  readonly #changed: () => void;
  /** `environment:transactionId` → subscriber. */
  readonly #holders = new Map<string, Subscriber>();
  /** What time will do next, by chain. */
  readonly #planned = new Map<string, () => void>();
  /** Transaction ids begin with the time of the first start, so that a new data folder does not repeat those of an old one. */
  #nextNumber: number;

  /** `changed` is called whenever there is something new to save. */
  constructor(timeline: Timeline, sign: Signer, changed: () => void = () => {}, saved?: SavedStore) {
    this.timeline = timeline;
    this.sign = sign;
    this.#changed = changed;
    this.#delivery = new Delivery(timeline, (notification) => this.#urlOf(notification), changed);
    this.#nextNumber = saved?.nextNumber ?? Date.now() * 100;
    for (const app of saved?.apps ?? []) this.apps.set(app.bundleId, app);
    for (const subscriber of saved?.subscribers ?? []) this.#keep(subscriber);
    this.outbox = new Outbox(sign, this.#delivery, saved?.notifications ?? []);
  }

  saved(): SavedStore {
    return {
      nextNumber: this.#nextNumber,
      apps: [...this.apps.values()],
      subscribers: [...this.subscribers.values()],
      notifications: this.outbox.saved(),
    };
  }

  close(): Promise<void> {
    return this.#delivery.close();
  }

  app(bundleId: string): App {
    const app = this.apps.get(bundleId);
    if (!app) throw notFound(`App ${bundleId}`, `Register it with PUT /apple/apps/${bundleId}.`);
    return app;
  }

  subscriber(id: string): Subscriber {
    const subscriber = this.subscribers.get(id);
    if (!subscriber) throw notFound(`Subscriber ${id}`, 'Create it with POST /apple/subscribers.');
    return subscriber;
  }

  /** Registers or replaces an app; its subscribers go on under the new settings. */
  putApp(app: App): void {
    this.apps.set(app.bundleId, app);
    for (const subscriber of this.subscribers.values())
      if (subscriber.bundleId === app.bundleId) this.#planAll(subscriber);
    this.#changed();
  }

  /** `{bundleId, environment, id?, appAccountToken?, storefront?}` */
  createSubscriber(fields: Fields): Subscriber {
    const bundleId = this.app(optionalText(fields, 'bundleId') ?? '').bundleId;
    const id = optionalText(fields, 'id') ?? randomUUID();
    if (this.subscribers.has(id)) throw invalid('id', 'the id of no other subscriber');
    const storefront = optionalText(fields, 'storefront') ?? 'FRA';
    if (!/^[A-Z]{3}$/.test(storefront)) throw invalid('storefront', 'an ISO 3166 alpha-3 code, such as FRA');
    const environment = choice(fields, 'environment', ENVIRONMENTS);
    const token = optionalText(fields, 'appAccountToken')?.toLowerCase() ?? null;
    return this.#create({ id, bundleId, environment, storefront, appAccountToken: token, familyOf: null });
  }

  /** Lets something happen to a subscriber, and delivers what Apple would say about it. Throws if it cannot happen. */
  async act(id: string, name: string, options: Fields, manner?: Manner): Promise<SentNotification[]> {
    const action = ACTIONS[name];
    if (!action) throw notFound(`Action ${name}`, `Known: ${Object.keys(ACTIONS).join(', ')}.`);
    const made = this.#play(this.subscriber(id), this.timeline.now(), (scene) => action(scene, options));
    await this.outbox.deliver(made, manner);
    this.#changed();
    return made;
  }

  /** Signs and files a notification about no subscriber: `TEST`, or whatever `fields` says (unknown types, other shapes). */
  announce(
    bundleId: string,
    environment: AppleEnvironment,
    fields: Fields,
    testToken: string | null = null,
  ): SentNotification {
    const app = this.app(bundleId);
    const subtype = optionalText(fields, 'subtype');
    const content: NotificationContent = {
      type: optionalText(fields, 'notificationType') ?? 'TEST',
      ...(subtype !== undefined && { subtype }),
      environment,
      bundleId,
      appAppleId: app.appAppleId,
      signedDate: this.timeline.now(),
      ...(fields.data !== undefined && { data: object(fields.data, 'data') }),
      ...(fields.instead !== undefined && { instead: object(fields.instead, 'instead') }),
    };
    return this.outbox.file(content, null, testToken);
  }

  /** Who made this transaction in this environment. */
  holderOf(environment: AppleEnvironment, transactionId: string): Subscriber | null {
    return this.#holders.get(`${environment}:${transactionId}`) ?? null;
  }

  #create(fields: Omit<Subscriber, 'appTransactionId' | 'chains' | 'purchases' | 'signedAt'>): Subscriber {
    const subscriber: Subscriber = {
      ...fields,
      appTransactionId: this.#nextId(fields.environment),
      chains: [],
      purchases: [],
      signedAt: 0,
    };
    this.#keep(subscriber);
    this.#changed();
    return subscriber;
  }

  #keep(subscriber: Subscriber): void {
    this.subscribers.set(subscriber.id, subscriber);
    this.#index(subscriber);
    this.#planAll(subscriber);
  }

  /** Runs a change of state at `now`; gives the notifications it caused, signed. */
  #play(subscriber: Subscriber, now: number, change: (scene: Scene) => void): SentNotification[] {
    const app = this.app(subscriber.bundleId);
    const made: { about: Subscriber; content: NotificationContent }[] = [];
    const touched = new Set([subscriber]);
    const scene: Scene = {
      now,
      app,
      subscriber,
      speed: speedOf(subscriber.environment, app.sandboxAccelerated),
      nextId: () => this.#nextId(subscriber.environment),
      notify: (about, what) => {
        touched.add(about);
        // No two pictures of one customer are of the same moment, also when the clock stands still: signed dates give the order.
        about.signedAt = Math.max(now, about.signedAt + 1);
        made.push({ about, content: contentOf(app, about, about.signedAt, what) });
      },
      family: () => [...this.subscribers.values()].filter((other) => other.familyOf === subscriber.id),
      join: (appAccountToken) =>
        this.#create({ ...subscriber, id: randomUUID(), appAccountToken, familyOf: subscriber.id }),
    };
    try {
      change(scene);
    } finally {
      for (const one of touched) {
        this.#index(one);
        this.#planAll(one);
      }
      this.#changed();
    }
    return made.map(({ about, content }) => this.outbox.file(content, about.id));
  }

  #planAll(subscriber: Subscriber): void {
    const app = this.apps.get(subscriber.bundleId);
    if (!app) return;
    for (const chain of subscriber.chains) this.#plan(app, subscriber, chain);
  }

  #plan(app: App, subscriber: Subscriber, chain: Chain): void {
    const key = `${subscriber.environment}:${chain.originalTransactionId}`;
    this.#planned.get(key)?.();
    this.#planned.delete(key);
    const step = dueStep(app, chain, speedOf(subscriber.environment, app.sandboxAccelerated));
    if (!step) return;
    const cancel = this.timeline.plan(step.at, async (at) => {
      await this.outbox.deliver(this.#play(subscriber, at, (scene) => step.run(scene, chain)));
    });
    this.#planned.set(key, cancel);
  }

  #index(subscriber: Subscriber): void {
    const add = (transaction: Transaction): void =>
      void this.#holders.set(`${subscriber.environment}:${transaction.transactionId}`, subscriber);
    for (const chain of subscriber.chains) for (const transaction of chain.transactions) add(transaction);
    for (const purchase of subscriber.purchases) add(purchase);
  }

  #nextId(environment: AppleEnvironment): string {
    // Sandbox ids begin with 2000… at Apple; ids of the two environments never meet.
    return `${environment === 'Sandbox' ? '2' : '4'}${this.#nextNumber++}`;
  }

  #urlOf(notification: SentNotification): string | null {
    const urls = this.apps.get(notification.bundleId)?.notificationUrl;
    return (notification.environment === 'Production' ? urls?.production : urls?.sandbox) ?? null;
  }
}
