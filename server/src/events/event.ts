/**
 * The unified dataset's event, as it is stored and as integrations read it.
 * Contract: codes and attribute names are those of the v3 server events; see `catalogue.ts`.
 */
import type { AttributeName, EventCode } from './catalogue.ts';

export type StoreCode = 'APPLE_APP_STORE' | 'GOOGLE_PLAY_STORE' | 'AMAZON_APPSTORE' | 'HUAWEI_APPGALLERY' | 'STRIPE';
export type Environment = 'PRODUCTION' | 'SANDBOX';
export type PurchaseType = 'CONSUMABLE' | 'NON_CONSUMABLE' | 'NON_RENEWING_SUBSCRIPTION' | 'RENEWING_SUBSCRIPTION';
export type OfferType = 'NONE' | 'FREE_TRIAL' | 'INTRO_OFFER' | 'PROMO_CODE' | 'PROMOTIONAL_OFFER';
export type SubscriptionStatus =
  | 'AUTO_RENEWING'
  | 'AUTO_RENEWING_CANCELED'
  | 'IN_GRACE_PERIOD'
  | 'ON_HOLD'
  | 'PAUSED'
  | 'DEACTIVATED'
  | 'UNPAID'
  | 'REVOKED';

export type AttributeValue = string | number | boolean;
/** Flat; an attribute without a value is absent, never null. Dates are ISO 8601 with ms and `Z`, beside an integer `_ms` twin. */
export type Attributes = Partial<Record<AttributeName, AttributeValue>> & Partial<Record<string, AttributeValue>>;

export interface UnifiedEvent {
  /** UUIDv5, deterministic: the same store fact gives the same id on every machine and every run. */
  eventId: string;
  code: EventCode;
  /** `subs_…` or `otp_…`. */
  recordId: string;
  /** 1, 2, 3 … within the record, without gaps. */
  sequence: number;
  /** Index of the group within the signal, from 0; events of one group share `createdAt` and `occurredAt`. */
  group: number;
  /** Epoch ms. */
  occurredAt: number;
  /** Epoch ms. */
  createdAt: number;
  /** Our id of the owner the event is about (for the `from` side of a transfer: the former owner); null = unknown user. */
  ownerId: string | null;
  attributes: Attributes;
}
