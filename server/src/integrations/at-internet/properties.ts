/**
 * From attributes of the unified dataset to AT Internet properties. Key and type together name a property there, so the type is
 * spelled out where the service would guess otherwise: `d:` for dates (seconds), `n:` for integers; a bare number is a decimal.
 */
import { ATTRIBUTES, type AttributeType } from '../../events/catalogue.ts';
import type { Attributes } from '../../events/event.ts';

/** Order on the wire: the catalogue's, because the database may not keep that of the attributes, and a repeated encoding must give equal bytes. */
const RANK: ReadonlyMap<string, number> = new Map(ATTRIBUTES.map(({ name }, rank) => [name, rank]));
const TYPE: ReadonlyMap<string, AttributeType> = new Map(ATTRIBUTES.map(({ name, type }) => [name, type]));

/** `plan_price_in_eur` → `plan_price_in_xxx`: the suffix is the app's currency. */
const CURRENCY_SUFFIX = /^((?:plan_price|amount|cumulated_revenues)_in_)[a-z]{3}$/;

/** Constant, or the millisecond twin of a date. */
const NEVER = /^api_version$|_ms$/;
/** Personal, sent as a standard property already, or a store credential. */
const OFF: ReadonlySet<string> = new Set(['device_id', 'user_id', 'purchase_token']);

/** Standard properties of the service that ours must not collide with; the first six are on every event we send. */
const STANDARD_KEYS: ReadonlySet<string> = new Set(
  `device_timestamp_utc visitor_privacy_consent visitor_privacy_mode user_id event_collection_platform event_collection_version
   connection_type event_name event_id event_time event_url event_hour event_minute event_second date site site_id page product
   product_id cart_id transaction_id device_type device_brand device_name device_id os os_group os_version browser browser_group
   app_id app_version app_name campaign geo_country geo_region geo_city user_category visitor_id visit_id currency`.split(
    /\s+/,
  ),
);

const KEY = /^[a-z][a-z0-9_]{0,39}$/;
/** Endings that the service casts to dates. */
const DATE_ENDING = /_(date|utc|timestamp|ts)$/;

export interface Property {
  attribute: string;
  /** With its type marker. */
  wireKey: string;
  kind: 'date' | 'integer' | 'value';
  /** Why it cannot be sent; null = it can. */
  refused: string | null;
}

function catalogueName(attribute: string): string {
  return attribute.replace(CURRENCY_SUFFIX, '$1xxx');
}

/** By the catalogue; an attribute that is not there travels as what its value is. */
function kindOf(attribute: string): Property['kind'] {
  const type = TYPE.get(catalogueName(attribute));
  return type === 'integer' || type === 'date' ? type : 'value';
}

function makeProperty(attribute: string, prefix: string): Property {
  const kind = kindOf(attribute);
  // `purchasely_subscription_id` is `subscription_id` on the wire, and so on.
  const key = prefix + attribute.replace('purchasely_', '');
  const marker = { date: 'd:', integer: 'n:', value: '' }[kind];
  let refused: string | null = null;
  if (!KEY.test(key)) refused = 'its key is not 1 to 40 lower-case letters, digits and underscores';
  else if (/^(m_|visit_)/.test(key)) refused = 'its key begins as the service’s own ones do';
  else if (STANDARD_KEYS.has(key)) refused = 'its key is that of a standard property';
  else if (kind !== 'date' && DATE_ENDING.test(key)) refused = 'its key would be read as a date';
  return { attribute, wireKey: marker + key, kind, refused };
}

// Few prefixes and some sixty attributes: made once each.
const made = new Map<string, Map<string, Property>>();

/** The property an attribute travels as; null = it is never sent. */
export function propertyOf(attribute: string, prefix: string): Property | null {
  if (NEVER.test(attribute) || OFF.has(attribute)) return null;
  let known = made.get(prefix);
  if (known === undefined) made.set(prefix, (known = new Map()));
  let property = known.get(attribute);
  if (property === undefined) known.set(attribute, (property = makeProperty(attribute, prefix)));
  return property;
}

const ranks = new Map<string, number>();
function rankOf(attribute: string): number {
  let rank = ranks.get(attribute);
  if (rank === undefined) {
    rank = RANK.get(catalogueName(attribute)) ?? RANK.size;
    ranks.set(attribute, rank);
  }
  return rank;
}

/** Names of the attributes in wire order; those not known here come last, by name. */
export function inWireOrder(attributes: Attributes): string[] {
  return Object.keys(attributes).toSorted((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
}

/** What a prefix would do to the known attributes: one line per property it makes impossible. */
export function checkPrefix(prefix: string): string[] {
  return ATTRIBUTES.flatMap(({ name }) => {
    const property = propertyOf(name.replace('_xxx', '_eur'), prefix);
    return property?.refused ? [`${name}: ${property.refused}`] : [];
  });
}
