/**
 * How events are called at AT Internet. An undeclared name loses the event there without an error, and names are compared with
 * their case, so that a name is never altered on the way: it is the preset's or the team's, letter by letter.
 */
import type { EventCode } from '../../events/catalogue.ts';
import type { EventTable } from '../integration.ts';

/** Names in the service's own style (`<object>.<past participle>`, lower case). */
export const PIANO_NAMES: Readonly<Record<EventCode, string>> = {
  DEACTIVATE: 'entitlement.deactivated',
  ACTIVATE: 'entitlement.activated',
  SUBSCRIPTION_STARTED: 'subscription.started',
  SUBSCRIPTION_RENEWED: 'subscription.renewed',
  SUBSCRIPTION_REACTIVATED: 'subscription.reactivated',
  SUBSCRIPTION_UPGRADED: 'subscription.upgraded',
  SUBSCRIPTION_DOWNGRADED: 'subscription.downgraded',
  SUBSCRIPTION_CROSSGRADED: 'subscription.crossgraded',
  RENEWAL_DISABLED: 'renewal.disabled',
  RENEWAL_ENABLED: 'renewal.enabled',
  GRACE_PERIOD_STARTED: 'grace_period.started',
  SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD: 'grace_period.recovered',
  GRACE_PERIOD_TERMINATED: 'grace_period.terminated',
  SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD: 'grace_period.cancelled',
  ENTERED_BILLING_RETRY: 'billing_retry.entered',
  SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY: 'billing_retry.recovered',
  SUBSCRIPTION_WILL_PAUSE: 'pause.scheduled',
  SUBSCRIPTION_WILL_NOT_PAUSE: 'pause.unscheduled',
  SUBSCRIPTION_PAUSED: 'pause.started',
  SUBSCRIPTION_UNPAUSED: 'pause.ended',
  SUBSCRIPTION_CANCELLED_DURING_PAUSE: 'pause.cancelled',
  SUBSCRIPTION_DEFERRED: 'subscription.deferred',
  SUBSCRIPTION_REFUNDED_REVOKED: 'subscription.refunded',
  FAMILY_SHARED_REVOKED: 'family_sharing.revoked',
  SUBSCRIPTION_EXPIRED: 'subscription.expired',
  SUBSCRIPTION_TERMINATED: 'subscription.terminated',
  SUBSCRIPTION_TRANSFERRED: 'subscription.transferred',
  SUBSCRIPTION_RECEIVED: 'subscription.received',
  ONE_TIME_PURCHASE_TRANSFERRED: 'one_time_purchase.transferred',
  ONE_TIME_PURCHASE_RECEIVED: 'one_time_purchase.received',
  RETENTION_MESSAGE_REQUESTED: 'retention_message.requested',
  TRIAL_CONVERTED: 'trial.converted',
  TRIAL_NOT_CONVERTED: 'trial.not_converted',
  INTRO_OFFER_CONVERTED: 'intro_offer.converted',
  INTRO_OFFER_NOT_CONVERTED: 'intro_offer.not_converted',
  PROMO_CODE_CONVERTED: 'promo_code.converted',
  PROMO_CODE_NOT_CONVERTED: 'promo_code.not_converted',
  PROMOTIONAL_OFFER_CONVERTED: 'promotional_offer.converted',
  PROMOTIONAL_OFFER_NOT_CONVERTED: 'promotional_offer.not_converted',
  TRIAL_STARTED: 'trial.started',
  INTRO_OFFER_STARTED: 'intro_offer.started',
  PROMO_CODE_STARTED: 'promo_code.started',
  PROMOTIONAL_OFFER_STARTED: 'promotional_offer.started',
  TRANSACTION_PROCESSED: 'payment.processed',
};

/** Names the service knows without declaration. It counts over 70 and does not publish all of them. */
const STANDARD_NAMES: ReadonlySet<string> = new Set(
  `page.display click.action click.navigation click.download click.exit click.campaign.offsite
   publisher.impression publisher.click self_promotion.impression self_promotion.click advertising.display.offsite
   internal_search_result.display internal_search_result.click mv_test.display mv_test.click
   product.display product.page_display product.add_to_cart product.remove_from_cart product.awaiting_payment product.purchased
   cart.creation cart.display cart.update cart.delivery cart.payment cart.awaiting_payment transaction.confirmation
   av.play av.start av.heartbeat av.pause av.resume av.stop av.buffer.start av.buffer.heartbeat av.rebuffer.start
   av.rebuffer.heartbeat av.seek.start av.forward av.backward av.ad.click av.ad.skip av.error av.display av.close av.volume
   av.subtitle.on av.subtitle.off av.fullscreen.on av.fullscreen.off av.quality av.speed av.share
   experience.action composer.conversion vx.conversion rm.refresh`.split(/\s+/),
);
/** Standard families whose events are void or wrong without properties of their own. */
const FAMILIES_WITH_DUTIES = /^(product|cart|transaction|publisher|self_promotion|av)\./;

const PATTERN = /^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$/;
const MAX_LENGTH = 100;

export interface NameFinding {
  level: 'error' | 'warning' | 'notice';
  message: string;
}

/** Judges an override. Null = nothing to say; `error` blocks saving. */
export function checkName(name: string): NameFinding | null {
  if (name.length === 0) return { level: 'error', message: 'The name is empty.' };
  if (name.length > MAX_LENGTH) return { level: 'error', message: `The name is longer than ${MAX_LENGTH} characters.` };
  if (!PATTERN.test(name)) {
    return {
      level: 'error',
      message: 'Use letters, digits and underscores, in parts joined by single dots, beginning with a letter.',
    };
  }
  if (name.startsWith('exclusion.')) {
    return { level: 'error', message: 'Names beginning with exclusion. stand for excluded events in reports.' };
  }
  if (STANDARD_NAMES.has(name)) {
    return FAMILIES_WITH_DUTIES.test(name)
      ? { level: 'error', message: 'This is a standard event that needs properties of its own.' }
      : { level: 'warning', message: 'This is a standard on-site event: it would open visits.' };
  }
  if (/[A-Z]/.test(name)) {
    return {
      level: 'notice',
      message: 'AT Internet recommends lower case. Declare the name exactly as it is written here.',
    };
  }
  return null;
}

/** The name on the wire: the override, else the preset's, with `.offsite` when the team wants it. */
export function nameOf(
  code: EventCode,
  events: EventTable,
  { namePreset, offsiteSuffix }: { namePreset: 'code' | 'piano'; offsiteSuffix: boolean },
): string {
  const override = events[code]?.name;
  if (override) return override;
  const name = namePreset === 'piano' ? PIANO_NAMES[code] : code;
  return offsiteSuffix ? `${name}.offsite` : name;
}
