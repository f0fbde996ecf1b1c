/** One signed transaction in neutral words. Apple: `JWSTransactionDecodedPayload`. */
import type { PurchaseType } from '../../events/event.ts';
import { fromThousandths } from '../../events/money.ts';
import type { Money, TransactionFact } from '../../lifecycle/fact.ts';
import { type Json, numberAt, stringAt, timeAt } from './json.ts';
import { offerOf } from './offer.ts';
import { countryOf } from './storefront.ts';

const PURCHASE_TYPES: Readonly<Record<string, PurchaseType>> = {
  'Auto-Renewable Subscription': 'RENEWING_SUBSCRIPTION',
  'Non-Renewing Subscription': 'NON_RENEWING_SUBSCRIPTION',
  'Non-Consumable': 'NON_CONSUMABLE',
  Consumable: 'CONSUMABLE',
};

/** `revocationPercentage` counts thousandths of a percent: 50000 is half. */
const WHOLE = 100_000;

/** What the product is; a transaction without `type` that ends some day can only be a subscription. */
export function purchaseTypeOf(transaction: Json): PurchaseType | undefined {
  const type = stringAt(transaction, 'type');
  if (type === undefined) return timeAt(transaction, 'expiresDate') ? 'RENEWING_SUBSCRIPTION' : undefined;
  return Object.hasOwn(PURCHASE_TYPES, type) ? PURCHASE_TYPES[type] : undefined;
}

/** `price` is in thousandths of the currency, whatever its exponent, and covers the whole quantity. */
function priceOf(transaction: Json): Money | undefined {
  const price = numberAt(transaction, 'price');
  const currency = stringAt(transaction, 'currency');
  if (price === undefined || price < 0 || price > Number.MAX_SAFE_INTEGER) return undefined;
  if (currency === undefined || !/^[A-Z]{3}$/.test(currency)) return undefined;
  return fromThousandths(price, currency);
}

/** Absent percentage = all of it; nothing given back is no refund. */
function revocationOf(transaction: Json): TransactionFact['revocation'] {
  const at = timeAt(transaction, 'revocationDate');
  if (at === undefined) return undefined;
  const share = (numberAt(transaction, 'revocationPercentage') ?? WHOLE) / WHOLE;
  return share > 0 ? { at, share: Math.min(share, 1) } : undefined;
}

/** Undefined where Apple's payload lacks what a transaction needs: id, product, kind of product, purchase date. */
export function transactionFact(transaction: Json): TransactionFact | undefined {
  const id = stringAt(transaction, 'transactionId');
  const productId = stringAt(transaction, 'productId');
  const purchaseType = purchaseTypeOf(transaction);
  const purchasedAt = timeAt(transaction, 'purchaseDate');
  if (!id || !productId || !purchaseType || purchasedAt === undefined) return undefined;
  const expiresAt = timeAt(transaction, 'expiresDate');
  const price = priceOf(transaction);
  const country = countryOf(stringAt(transaction, 'storefront'));
  const reason = stringAt(transaction, 'transactionReason');
  const revocation = revocationOf(transaction);
  return {
    id,
    productId,
    purchaseType,
    purchasedAt,
    originalPurchasedAt: timeAt(transaction, 'originalPurchaseDate') ?? purchasedAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    quantity: Math.max(1, Math.trunc(numberAt(transaction, 'quantity') ?? 1)),
    ...(price ? { price } : {}),
    offer: offerOf(transaction),
    familyShared: transaction['inAppOwnershipType'] === 'FAMILY_SHARED',
    ...(country ? { country } : {}),
    ...(reason === 'PURCHASE' ? { reason: 'purchase' } : reason === 'RENEWAL' ? { reason: 'renewal' } : {}),
    ...(transaction['isUpgraded'] === true ? { replaced: true } : {}),
    ...(revocation ? { revocation } : {}),
  };
}
