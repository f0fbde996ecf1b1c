/**
 * Events every organisation has without declaring them (Piano Analytics, "standard events"). On-site unless the name ends in
 * `.offsite`. Piano counts some seventy and does not publish all: `PATCH /__model` adds what is missing.
 */
const FAMILIES: Record<string, string> = {
  page: 'display',
  click: 'action navigation download exit campaign.offsite',
  publisher: 'impression click',
  self_promotion: 'impression click',
  advertising: 'display.offsite',
  internal_search_result: 'display click',
  mv_test: 'display click',
  product: 'display page_display add_to_cart remove_from_cart awaiting_payment purchased',
  cart: 'creation display update delivery payment awaiting_payment',
  transaction: 'confirmation',
  av:
    'play start heartbeat pause resume stop buffer.start buffer.heartbeat rebuffer.start rebuffer.heartbeat seek.start forward ' +
    'backward ad.click ad.skip error display close volume subtitle.on subtitle.off fullscreen.on fullscreen.off quality speed share',
  experience: 'action',
  composer: 'conversion',
  vx: 'conversion',
  rm: 'refresh',
};

export const STANDARD_EVENTS: readonly string[] = Object.entries(FAMILIES).flatMap(([family, names]) =>
  names.split(' ').map((name) => `${family}.${name}`),
);

export type PropertyType =
  | 'STRING'
  | 'DECIMAL'
  | 'INTEGER'
  | 'BOOLEAN'
  | 'DATE'
  | `ARRAY ${'STRING' | 'INTEGER' | 'DECIMAL'}`;

/** The standard properties an emitter of server events meets. */
export const STANDARD_PROPERTIES: Readonly<Record<string, PropertyType>> = {
  device_timestamp_utc: 'DATE',
  visitor_privacy_consent: 'BOOLEAN',
  visitor_privacy_mode: 'STRING',
  user_id: 'STRING',
  user_category: 'STRING',
  user_recognition: 'BOOLEAN',
  event_collection_platform: 'STRING',
  event_collection_version: 'STRING',
  connection_type: 'STRING',
  page: 'STRING',
  page_full_name: 'STRING',
  click: 'STRING',
  device_screen_width: 'INTEGER',
  device_screen_height: 'INTEGER',
  device_display_width: 'INTEGER',
  device_display_height: 'INTEGER',
  device_local_hour: 'DATE',
  device_manufacturer: 'STRING',
  device_model: 'STRING',
  os_name: 'STRING',
  os_version: 'STRING',
  app_id: 'STRING',
  app_version: 'STRING',
  browser_language: 'STRING',
  browser_language_local: 'STRING',
  previous_url: 'STRING',
  event_url_full: 'STRING',
  transaction_id: 'STRING',
  transaction_firstpurchase: 'BOOLEAN',
  cart_id: 'STRING',
  cart_currency: 'STRING',
  cart_turnovertaxincluded: 'DECIMAL',
  cart_turnovertaxfree: 'DECIMAL',
  cart_quantity: 'INTEGER',
  product_id: 'STRING',
};
