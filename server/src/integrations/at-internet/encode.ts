/**
 * One request to AT Internet: one site, one visitor, up to fifty events. Pure: the same events, visitor, settings and moment give
 * the same bytes.
 */
import type { AttributeValue, Environment, UnifiedEvent } from '../../events/event.ts';
import { isPublicAddress } from '../../lib/address.ts';
import type { IntegrationSettings, OutgoingRequest, Visitor } from '../integration.ts';
import { originOf } from './domain.ts';
import { nameOf } from './names.ts';
import { privacyOf } from './privacy.ts';
import { inWireOrder, propertyOf } from './properties.ts';
import { AGENT, type AtInternetSettings, ROBOT_AGENT } from './settings.ts';

const MAX_STRING = 255;
const MAX_DECIMAL = 1e15;
const YEAR_2000 = 946_684_800;
const YEAR_2100 = 4_102_444_800;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const FUTURE_MS = 5 * MINUTE_MS;
const LATE_MS = 7 * DAY_MS;

export function encode(
  events: readonly UnifiedEvent[],
  visitor: Visitor,
  environment: Environment,
  { settings, events: table }: IntegrationSettings<AtInternetSettings>,
  { now, version }: { now: number; version: string },
): OutgoingRequest {
  if (visitor.clientId === null) throw new Error('events without a client id cannot be encoded');
  const notes: Record<string, string[]> = {};
  const privacy = privacyOf(visitor, settings);
  const payload = events.map((event) => {
    const told: string[] = [];
    const data = dataOf(event, { settings, privacy, now, version }, told);
    if (told.length > 0) notes[event.eventId] = told;
    return { name: nameOf(event.code, table, settings), data };
  });
  const siteId =
    environment === 'SANDBOX' && settings.sandboxEvents === 'other-site' && settings.sandboxSiteId !== undefined
      ? settings.sandboxSiteId
      : settings.siteId;
  const address =
    settings.forwardClientIp && visitor.address !== null && isPublicAddress(visitor.address) ? visitor.address : null;
  return {
    method: 'POST',
    url: `${originOf(settings.collectionDomain)}/${settings.collectPath}?s=${percent(siteId)}&idclient=${percent(visitor.clientId)}`,
    headers: {
      'Content-Type': settings.contentType,
      'User-Agent': agentOf(visitor, settings, version),
      ...(address !== null && { 'X-Forwarded-For': address }),
      Accept: '*/*',
    },
    body: JSON.stringify({ events: payload }),
    notes,
  };
}

/** Everything but RFC 3986's unreserved characters. */
function percent(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function agentOf(visitor: Visitor, settings: AtInternetSettings, version: string): string {
  const device = settings.userAgentSource === 'device-first' ? visitor.userAgent : null;
  if (device !== null && AGENT.test(device) && !ROBOT_AGENT.test(device)) return device;
  return settings.neutralUserAgent ?? `Pianola/${version}`;
}

interface Encoding {
  settings: AtInternetSettings;
  privacy: { mode: string; consent: boolean };
  now: number;
  version: string;
}

function dataOf(
  event: UnifiedEvent,
  { settings, privacy, now, version }: Encoding,
  notes: string[],
): Record<string, AttributeValue> {
  const { attributes } = event;
  let moment = event.occurredAt;
  if (moment > now + FUTURE_MS) {
    moment = now;
    notes.push('future_time: device_timestamp_utc is the time of sending');
  } else if (moment < now - LATE_MS) notes.push('late: the event is older than 7 days');
  const data: Record<string, AttributeValue> = {
    device_timestamp_utc: Math.floor(moment / 1000),
    visitor_privacy_consent: privacy.consent,
    visitor_privacy_mode: privacy.mode,
  };
  const userId = attributes['user_id'];
  if (settings.userIdSource === 'app' && typeof userId === 'string' && userId !== '') {
    data['user_id'] = limit(userId, 'user_id', settings.stringLimitUnit, notes);
  }
  data['event_collection_platform'] = 'pianola';
  data['event_collection_version'] = version;
  if (settings.lateEvents === 'offline-flag' && moment < now - settings.lateAfterMinutes * MINUTE_MS) {
    data['connection_type'] = 'OFFLINE';
  }
  for (const name of inWireOrder(attributes)) {
    const property = propertyOf(name, settings.propertyPrefix);
    const value = attributes[name];
    if (property === null || value === undefined || value === null || value === '') continue;
    const { wireKey, kind, refused } = property;
    if (refused !== null) notes.push(`dropped ${name}: ${refused}`);
    else if (kind === 'date') {
      const seconds = Math.floor(toMs(value, attributes[`${name}_ms`]) / 1000);
      if (seconds >= YEAR_2000 && seconds < YEAR_2100) data[wireKey] = seconds;
      else notes.push(`dropped ${name}: not a date between 2000 and 2099`);
    } else if (typeof value === 'number') {
      const fits = kind === 'integer' ? Number.isSafeInteger(value) : Math.abs(value) <= MAX_DECIMAL;
      if (fits) data[wireKey] = value;
      else notes.push(`dropped ${name}: the number is out of range`);
    } else if (typeof value === 'string') data[wireKey] = limit(value, name, settings.stringLimitUnit, notes);
    else data[wireKey] = value;
  }
  return data;
}

/** A date's millisecond twin where there is one; NaN if neither can be read. */
function toMs(value: AttributeValue, twin: AttributeValue | undefined): number {
  return typeof twin === 'number' ? twin : Date.parse(String(value));
}

const utf8 = new TextEncoder();

function limit(text: string, name: string, unit: 'chars' | 'bytes', notes: string[]): string {
  // No text of n UTF-16 units has more code points than n, or more than 3n bytes.
  if (text.length * (unit === 'chars' ? 1 : 3) <= MAX_STRING) return text;
  const points = Array.from(text);
  let kept = points;
  if (unit === 'chars') kept = points.slice(0, MAX_STRING);
  else {
    let bytes = 0;
    const end = points.findIndex((point) => (bytes += utf8.encode(point).length) > MAX_STRING);
    if (end >= 0) kept = points.slice(0, end);
  }
  if (kept.length === points.length) return text;
  notes.push(`cut ${name}: longer than ${MAX_STRING} ${unit === 'chars' ? 'characters' : 'bytes'}`);
  return kept.join('');
}
