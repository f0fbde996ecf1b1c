/** An app as its developer set it up at Apple: identity, notification URLs, API key, products with their offers. */
import {
  type Fields,
  choice,
  integer,
  list,
  object,
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalText,
  text,
} from '../../http/fields.ts';
import { invalid } from '../../http/problem.ts';
import type { DiscountType, ProductType } from './notification.ts';
import { PERIODS, type Period } from './period.ts';

export const PRODUCT_TYPES: readonly ProductType[] = [
  'Auto-Renewable Subscription',
  'Non-Renewing Subscription',
  'Consumable',
  'Non-Consumable',
];
/** With Apple's `offerType`. */
export const OFFER_TYPE = { introductory: 1, promotional: 2, code: 3, 'win-back': 4, retention: 5 } as const;
export type OfferKind = keyof typeof OFFER_TYPE;
const DISCOUNTS: readonly DiscountType[] = ['FREE_TRIAL', 'PAY_AS_YOU_GO', 'PAY_UP_FRONT'];

export interface Price {
  /** Thousandths of the currency. */
  price: number;
  /** ISO 4217. */
  currency: string;
}

export interface Offer {
  /** How actions name it; also Apple's `offerIdentifier`, but for introductory offers, which have none. */
  id: string;
  kind: OfferKind;
  mode: DiscountType;
  /** Thousandths; 0 for a free trial. */
  price: number;
  period: Period;
  /** How often `PAY_AS_YOU_GO` repeats. */
  periods: number;
}

export interface Product extends Price {
  id: string;
  type: ProductType;
  /** The next three of subscriptions only. */
  group: string;
  /** Ranking in the group as at Apple: 1 is the best. */
  rank: number;
  period: Period;
  /** Prices of single storefronts (alpha-3). */
  prices: Record<string, Price>;
  offers: Offer[];
}

export interface App {
  bundleId: string;
  appAppleId: number;
  notificationUrl: { production: string | null; sandbox: string | null };
  /** Whose tokens the API accepts; null = none. */
  key: { issuerId: string; keyId: string; publicKey: string } | null;
  /** Billing grace: 0 (off), 3, 16 or 28 days. */
  graceDays: number;
  /** How long before its beginning a renewal is made and signed; Apple does so by hours. */
  signAheadMs: number;
  /** Sandbox periods at Apple's accelerated speed. */
  sandboxAccelerated: boolean;
  /** API requests a second and environment; null = no limit. */
  requestsPerSecond: number | null;
  products: Product[];
}

export const isSubscription = (product: Product): boolean => product.type === 'Auto-Renewable Subscription';

function readOffer(value: unknown, name: string): Offer {
  const fields = object(value, name);
  const mode = choice(fields, 'mode', DISCOUNTS);
  const offer: Offer = {
    id: text(fields, 'id'),
    kind: choice(fields, 'kind', Object.keys(OFFER_TYPE) as OfferKind[]),
    mode,
    price: optionalInteger(fields, 'price', 0, 1e12) ?? 0,
    period: choice(fields, 'period', PERIODS),
    periods: optionalInteger(fields, 'periods', 1, 12) ?? 1,
  };
  if (mode === 'FREE_TRIAL' && offer.price !== 0) throw invalid(`${name}.price`, '0 for a free trial');
  return offer;
}

function readPrice(fields: Fields): Price {
  return { price: integer(fields, 'price', 0, 1e12), currency: text(fields, 'currency').toUpperCase() };
}

function readProduct(value: unknown, name: string): Product {
  const fields = object(value, name);
  const type = optionalChoice(fields, 'type', PRODUCT_TYPES) ?? 'Auto-Renewable Subscription';
  const prices = fields.prices === undefined ? {} : object(fields.prices, `${name}.prices`);
  const subscription = type === 'Auto-Renewable Subscription';
  return {
    id: text(fields, 'id'),
    type,
    ...readPrice(fields),
    group: subscription ? text(fields, 'group') : '',
    rank: optionalInteger(fields, 'rank', 1, 100) ?? 1,
    period: subscription ? choice(fields, 'period', PERIODS) : 'P1M',
    prices: Object.fromEntries(
      Object.entries(prices).map(([country, price]) => [
        country,
        readPrice(object(price, `${name}.prices.${country}`)),
      ]),
    ),
    offers:
      fields.offers === undefined
        ? []
        : list(fields, 'offers').map((offer, index) => readOffer(offer, `${name}.offers[${index}]`)),
  };
}

function readUrls(fields: Fields): App['notificationUrl'] {
  const value = fields.notificationUrl;
  if (value === undefined || value === null) return { production: null, sandbox: null };
  if (typeof value === 'string') return { production: value, sandbox: value };
  const urls = object(value, 'notificationUrl');
  return { production: optionalText(urls, 'production') ?? null, sandbox: optionalText(urls, 'sandbox') ?? null };
}

function readKey(fields: Fields): App['key'] {
  if (fields.key === undefined || fields.key === null) return null;
  const key = object(fields.key, 'key');
  return { issuerId: text(key, 'issuerId'), keyId: text(key, 'keyId'), publicKey: text(key, 'publicKey') };
}

/** `PUT /apple/apps/{bundleId}`; the whole app each time. Throws `request_invalid`. */
export function readApp(bundleId: string, value: unknown): App {
  const fields = object(value, 'the app');
  const products = list(fields, 'products').map((product, index) => readProduct(product, `products[${index}]`));
  const graceDays = optionalInteger(fields, 'graceDays', 0, 28) ?? 0;
  if (![0, 3, 16, 28].includes(graceDays)) throw invalid('graceDays', '0, 3, 16 or 28');
  return {
    bundleId,
    appAppleId: integer(fields, 'appAppleId', 1, Number.MAX_SAFE_INTEGER),
    notificationUrl: readUrls(fields),
    key: readKey(fields),
    graceDays,
    signAheadMs: optionalInteger(fields, 'signAheadMs', 0, 24 * 3_600_000) ?? 0,
    sandboxAccelerated: optionalBoolean(fields, 'sandboxAccelerated') ?? true,
    requestsPerSecond: optionalInteger(fields, 'requestsPerSecond', 1, 100_000) ?? null,
    products,
  };
}

export function priceOf(product: Product, storefront: string): Price {
  return product.prices[storefront] ?? { price: product.price, currency: product.currency };
}
