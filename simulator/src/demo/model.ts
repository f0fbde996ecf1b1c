/** What a team declares in AT Internet's data model before it switches the integration on: ten events, and the properties they carry. */
import { MAIN_EVENTS } from './lives.ts';

const STRINGS = `event_name event_id environment store store_country store_app_bundle_id store_product_id store_transaction_id
  store_original_transaction_id purchase_type product plan previous_plan content_id subscription_id from_subscription_id
  one_time_purchase_id subscription_status offer_type previous_offer_type offer_code_ref_name offer_identifier promotional_offer_id
  customer_currency source_event_name presentation placement audience ab_test ab_test_variant device_type anonymous_user_id`;
const DECIMALS = `plan_price_in_customer_currency plan_price_in_eur amount_in_customer_currency amount_in_eur cumulated_revenues_in_eur`;
const DATES = `event_occurred_at event_created_at purchased_at original_purchased_at next_renewal_at effective_next_renewal_at
  grace_period_expires_at defer_end_at auto_resume_at`;
const BOOLEANS = 'is_family_shared amount_estimated';
const INTEGERS = 'event_sequence';

const typed = (names: string, type: string): { key: string; type: string }[] =>
  names.split(/\s+/).map((name) => ({ key: `sub_${name}`, type }));

export const DATA_MODEL = {
  events: MAIN_EVENTS.map((name) => ({ name, scope: 'off', status: 'Validated' })),
  properties: [
    ...typed(STRINGS, 'STRING'),
    ...typed(DECIMALS, 'DECIMAL'),
    ...typed(DATES, 'DATE'),
    ...typed(BOOLEANS, 'BOOLEAN'),
    ...typed(INTEGERS, 'INTEGER'),
  ],
};
