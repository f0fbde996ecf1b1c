/**
 * Which events the service takes. Per event, in order, the first hit decides: site, robot, visitor id, data model. Causes are the
 * words of the service's reports where they are known.
 */
import type { CollectorConfig, Site } from './config.ts';
import type { Model } from './model.ts';

export interface Exclusion {
  type: 'technical' | 'closed_site' | 'robots' | 'data_model';
  cause: string;
  detail?: string;
}

/** Excluded events that are billed all the same. */
export function billed(exclusion: Exclusion | null): boolean {
  return exclusion === null || exclusion.type === 'data_model';
}

export const NOT_DECLARED = 'Not declared in the Data Model';

const SITE_UNKNOWN: Exclusion = { type: 'technical', cause: 'site_unknown' };
const DOMAIN_MISMATCH: Exclusion = { type: 'technical', cause: 'domain_mismatch' };
const SITE_CLOSED: Exclusion = { type: 'closed_site', cause: 'site_closed' };
const ROBOT: Exclusion = { type: 'robots', cause: 'user_agent' };
const BAD_ID: Exclusion = { type: 'technical', cause: 'idclient_invalid' };

/** `host` is the Host header, possibly with a port. */
function checkSite(sites: readonly Site[], siteId: string, host: string): Exclusion | null {
  if (sites.length === 0) return null;
  const site = sites.find((candidate) => candidate.id === siteId);
  if (!site) return SITE_UNKNOWN;
  const name = host.toLowerCase();
  if (site.hosts.length > 0 && !site.hosts.includes(name) && !site.hosts.includes(name.replace(/:\d+$/, '')))
    return DOMAIN_MISMATCH;
  return site.closed ? SITE_CLOSED : null;
}

/** Library agents and whatever calls itself a crawler. */
const ROBOT_AGENT =
  /bot\b|bot\/|crawler|spider|^(curl|wget|python-requests|python-urllib|go-http-client|okhttp|java|axios|node|node-fetch|undici|apache-httpclient|libwww-perl|postmanruntime)\b/i;

export function isRobot(userAgent: string): boolean {
  return userAgent.trim() === '' || ROBOT_AGENT.test(userAgent);
}

/** Sent by trackers instead of an id when the visitor said no. */
const SENTINELS = new Set(['OPT-OUT', 'opt-out', 'no-consent', 'Consent-NO', 'no-storage']);
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const SIXTEEN = /^[\x21-\x7e]{16}$/;

/** 16 or 36 characters or a sentinel, each possibly followed by `-NO` (the id was not stored on the device). */
export function isClientId(id: string, check: CollectorConfig['idClientCheck']): boolean {
  if (check === 'off' || SENTINELS.has(id)) return true;
  const bare = id.endsWith('-NO') ? id.slice(0, -3) : id;
  return fits(id, check) || (bare !== id && (SENTINELS.has(bare) || fits(bare, check)));
}

function fits(id: string, check: 'length' | 'shape'): boolean {
  return check === 'length' ? id.length === 16 || id.length === 36 : SIXTEEN.test(id) || GUID.test(id);
}

/** The checks that are the same for all events of a request. */
export function checkRequest(
  request: { site: string; host: string; userAgent: string; idclient: string },
  config: CollectorConfig,
): Exclusion | null {
  const site = checkSite(config.sites, request.site, request.host);
  if (site) return site;
  if (config.robotAgents && isRobot(request.userAgent)) return ROBOT;
  return isClientId(request.idclient, config.idClientCheck) ? null : BAD_ID;
}

/** Declared, validated, and long enough ago? `now` of the simulated clock. */
export function checkName(name: string, model: Model, config: CollectorConfig, now: number): Exclusion | null {
  const found = model.event(name, config.eventNameCase === 'fold');
  if (!found.declared) return { type: 'data_model', cause: NOT_DECLARED, detail: found.detail };
  const works = found.changedAt + config.modelDelaySeconds * 1_000;
  if (!found.standard && config.modelDelaySeconds > 0 && now < works)
    return { type: 'data_model', cause: NOT_DECLARED, detail: 'propagating' };
  return null;
}
