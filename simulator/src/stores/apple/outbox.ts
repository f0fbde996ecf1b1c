/** The notifications Apple has made: signed once, filed in order, delivered one after the other. */
import type { Delivery, SentNotification } from './delivery.ts';
import { type NotificationContent, signNotification } from './notification.ts';
import type { Signer } from './sign.ts';

/** Older notifications are forgotten, unless they still wait to be delivered. */
const KEPT = 10_000;
const SAVED = 1_000;

/** How notifications are delivered: `skip` keeps them (to be sent by hand, in any order), `times` repeats them. */
export interface Manner {
  skip: boolean;
  times: number;
}

export class Outbox {
  /** By uuid, in order of signing. */
  readonly notifications = new Map<string, SentNotification>();
  readonly #sign: Signer;
  readonly #delivery: Delivery;

  constructor(sign: Signer, delivery: Delivery, saved: readonly SentNotification[]) {
    this.#sign = sign;
    this.#delivery = delivery;
    for (const notification of saved) {
      this.notifications.set(notification.uuid, notification);
      delivery.resume(notification);
    }
  }

  saved(): SentNotification[] {
    return [...this.notifications.values()].slice(-SAVED);
  }

  /** Signs and keeps; `deliver` sends. */
  file(content: NotificationContent, subscriberId: string | null, testToken: string | null = null): SentNotification {
    const { uuid, signedPayload } = signNotification(this.#sign, content);
    const notification: SentNotification = {
      uuid,
      bundleId: content.bundleId,
      environment: content.environment,
      subscriberId,
      type: content.type,
      subtype: content.subtype ?? null,
      signedDate: content.signedDate,
      signedPayload,
      content,
      testToken,
      attempts: [],
      state: 'waiting',
      nextAt: null,
    };
    this.notifications.set(uuid, notification);
    if (this.notifications.size > KEPT) this.#forgetOldest();
    return notification;
  }

  /** First attempts, one after the other; later ones follow by the clock. */
  async deliver(notifications: readonly SentNotification[], manner: Manner = { skip: false, times: 1 }): Promise<void> {
    for (const notification of notifications) {
      notification.state = manner.skip ? 'kept' : 'waiting';
      for (let time = 0; time < manner.times && !manner.skip; time++) await this.#delivery.send(notification);
    }
  }

  #forgetOldest(): void {
    for (const [uuid, notification] of this.notifications) {
      if (notification.state === 'waiting') continue;
      this.notifications.delete(uuid);
      return;
    }
  }
}
