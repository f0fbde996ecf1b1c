/** The attributes of one event: the state after its group, as flat values. Absent means absent, never null. */
import { type AttributeName, attributeName, type DateName, type EventCode } from '../events/catalogue.ts';
import type { Attributes, AttributeValue } from '../events/event.ts';
import { convert, toDecimal } from '../events/money.ts';
import { currencyOf, lastPeriod, periodBefore, productOf, type Work } from './chain.ts';
import type { OfferFact } from './fact.ts';
import type { Group, GroupItem } from './groups.ts';
import { isFree } from './offers.ts';
import type { Owner, Period, RecordState } from './record.ts';
import { isEnded } from './transitions.ts';

/** Written by known names only; money in the app's currency has a name per currency. */
type Draft = Partial<Record<AttributeName, AttributeValue>>;

/** ISO 8601 with milliseconds beside its integer twin. */
function date(draft: Draft, name: DateName, at: number | null | undefined): void {
  if (at === null || at === undefined) return;
  draft[name] = new Date(at).toISOString();
  draft[`${name}_ms`] = at;
}

function text(draft: Draft, name: AttributeName, value: string | undefined): void {
  if (value) draft[name] = value;
}

function ownerAttributes(draft: Draft, record: RecordState, owner: Owner | null): void {
  if (owner && owner.id === record.ownerId) {
    if (owner.userId) draft['user_id'] = owner.userId;
    else text(draft, 'anonymous_user_id', owner.anonymousUserId);
  }
  text(draft, 'device_id', record.device?.id);
  text(draft, 'device_type', record.device?.type);
}

function offerAttributes(draft: Draft, offer: OfferFact | undefined): void {
  text(draft, 'offer_identifier', offer?.identifier);
  if (offer?.kind === 'PROMO_CODE') text(draft, 'offer_code_ref_name', offer.codeRefName);
  if (offer?.kind === 'PROMOTIONAL_OFFER') text(draft, 'promotional_offer_id', offer.promotionalOfferId);
}

function planAttributes(
  draft: Draft,
  work: Work,
  record: RecordState,
  period: Period | undefined,
  announced: boolean,
): void {
  const productId = productOf(record, period);
  const plan = work.input.plans.get(productId);
  draft['product'] = plan?.product ?? productId;
  text(draft, 'plan', plan?.id);
  if (!announced || !record.from) return;
  draft['from_purchasely_subscription_id'] = record.from.recordId;
  text(draft, 'previous_plan', work.input.plans.get(record.from.productId)?.id);
}

function priceAttributes(draft: Draft, work: Work, record: RecordState, period: Period | undefined): void {
  const currency = period && currencyOf(record, period);
  if (!period || currency === undefined) return;
  draft['customer_currency'] = currency;
  const price = period.price ?? (isFree(period) ? 0 : undefined);
  if (price === undefined) return;
  const { currency: into, rate } = work.input;
  draft['plan_price_in_customer_currency'] = toDecimal(price, currency);
  const known = currency === into ? 1 : (period.rate ?? rate(currency, period.at));
  if (known === undefined) return;
  draft[attributeName('plan_price_in_xxx', into)] = toDecimal(convert(price, currency, into, known), into);
}

function subscriptionAttributes(draft: Draft, record: RecordState, period: Period | undefined, group: Group): void {
  if (record.status !== null) {
    draft['subscription_status'] = record.status;
    draft['is_family_shared'] = record.familyShared;
    const before = period && periodBefore(record, period);
    const started = group.items.some((item) => item.code === 'SUBSCRIPTION_STARTED');
    if (!started) {
      draft['previous_offer_type'] = before ? (before.offer?.kind ?? 'NONE') : (record.from?.offerType ?? 'NONE');
    }
    if (!isEnded(record.status) || group.ended === record) date(draft, 'next_renewal_at', period?.until);
    date(draft, 'effective_next_renewal_at', record.effectiveEndAt);
    const graceEndAt = group.graceEnd?.record === record ? group.graceEnd.at : record.graceEndAt;
    date(draft, 'grace_period_expires_at', graceEndAt);
  } else if (record.purchaseType === 'NON_CONSUMABLE') {
    draft['is_family_shared'] = record.familyShared;
  }
}

function moneyAttributes(draft: Draft, work: Work, item: GroupItem, source: EventCode): void {
  const { money, record } = item;
  if (!money) return;
  const currency = currencyOf(record, money.transaction);
  draft['source_event_name'] = source;
  if (currency === undefined) return;
  draft['customer_currency'] = currency;
  draft['amount_in_customer_currency'] = toDecimal(money.amount, currency);
  const into = work.input.currency;
  if (money.converted !== undefined) draft[attributeName('amount_in_xxx', into)] = toDecimal(money.converted, into);
  if (money.estimated) draft['amount_estimated'] = true;
}

/** `source` is what a movement belongs to; unused for other codes. */
export function attributesOf(
  work: Work,
  group: Group,
  item: GroupItem,
  eventId: string,
  source: EventCode,
): Attributes {
  const { facts, input } = work;
  const { record, code } = item;
  const isNewSide = group.announced !== undefined && record.periods.includes(group.announced);
  const period = isNewSide ? group.announced : lastPeriod(record);
  const corrected =
    item.money?.transaction ??
    (group.corrected && record.periods.includes(group.corrected) ? group.corrected : undefined);
  const transaction = corrected ?? period;
  const draft: Draft = {
    api_version: 3,
    event_name: code,
    event_id: eventId,
    event_sequence: record.sequence,
    environment: record.environment,
    store: record.store,
    store_app_bundle_id: record.bundleId,
    store_original_transaction_id: facts.chainId,
    purchase_type: record.purchaseType,
    store_product_id: productOf(record, transaction),
    offer_type: period?.offer?.kind ?? 'NONE',
  };
  date(draft, 'event_created_at', input.now);
  date(draft, 'event_occurred_at', group.occurredAt);
  text(draft, 'store_transaction_id', transaction?.id ?? facts.chainId);
  text(draft, 'store_country', record.country);
  text(draft, 'purchase_token', record.purchaseToken);
  draft[
    record.purchaseType === 'RENEWING_SUBSCRIPTION' ? 'purchasely_subscription_id' : 'purchasely_one_time_purchase_id'
  ] = record.id;
  ownerAttributes(draft, record, input.owner);
  planAttributes(
    draft,
    work,
    record,
    period,
    isNewSide && period === record.periods[0] && isOpeningGroup(group, record),
  );
  subscriptionAttributes(draft, record, period, group);
  offerAttributes(draft, item.offer ?? period?.offer);
  date(draft, 'purchased_at', period?.at ?? record.openedAt);
  date(draft, 'original_purchased_at', record.originalAt);
  if (code === 'SUBSCRIPTION_DEFERRED') date(draft, 'defer_end_at', group.deferredTo);
  priceAttributes(draft, work, record, period);
  if (record.ownerId !== null) {
    draft[attributeName('cumulated_revenues_in_xxx', input.currency)] = toDecimal(work.cumulated, input.currency);
  }
  moneyAttributes(draft, work, item, source);
  return draft;
}

function isOpeningGroup(group: Group, record: RecordState): boolean {
  return group.items.some(
    (item) =>
      item.record === record &&
      (item.code === 'SUBSCRIPTION_UPGRADED' ||
        item.code === 'SUBSCRIPTION_DOWNGRADED' ||
        item.code === 'SUBSCRIPTION_CROSSGRADED'),
  );
}
