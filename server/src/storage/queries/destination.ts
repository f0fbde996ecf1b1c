/**
 * Live state of targets, shared by all processes. Each statement changes what it says and nothing else, so that two processes that
 * learn different things at once do not undo each other.
 */
import type { Environment } from '../../events/event.ts';
import { iso, type Sql, statement } from '../pool.ts';

export interface DestinationKey {
  appId: number;
  integrationId: number;
  environment: Environment;
}

export interface Destination extends DestinationKey {
  /** `paused`: its set-up is wrong. `open`: it fails too often (the breaker is open). */
  state: 'active' | 'paused' | 'open';
  reason: string | null;
  since: number;
  /** When a single batch may be tried. */
  probeAt: number | null;
  probes: number;
  failures: number;
  settingsVersion: number | null;
  pausedMs: number;
  maxPerSecond: number | null;
  rateCeiling: number | null;
  rateAt: number | null;
  notBefore: number | null;
}

interface Row {
  app_id: number;
  integration_id: number;
  environment: Environment;
  state: Destination['state'] | null;
  reason: string | null;
  since: number | null;
  probe_at: number | null;
  probes: number | null;
  failures: number | null;
  settings_version: number | null;
  paused_ms: number | null;
  max_per_second: number | null;
  rate_ceiling: number | null;
  rate_at: number | null;
  not_before: number | null;
}

const LIST = statement(
  'destination_list',
  `select i.app_id, i.id as integration_id, e.environment, d.state, d.reason, d.since, d.probe_at, d.probes, d.failures, d.settings_version,
     d.paused_ms, d.max_per_second, d.rate_ceiling, d.rate_at, d.not_before
   from integration i cross join (values ('PRODUCTION'), ('SANDBOX')) as e (environment)
   left join destination d on d.app_id = i.app_id and d.integration_id = i.id and d.environment = e.environment`,
);
/** Every integration's two targets. */
export async function listDestinations(sql: Sql): Promise<Destination[]> {
  return (await sql.query<Row>(LIST, [])).map((row) => ({
    appId: row.app_id,
    integrationId: row.integration_id,
    environment: row.environment,
    state: row.state ?? 'active',
    reason: row.reason,
    since: row.since ?? 0,
    probeAt: row.probe_at,
    probes: row.probes ?? 0,
    failures: row.failures ?? 0,
    settingsVersion: row.settings_version,
    pausedMs: row.paused_ms ?? 0,
    maxPerSecond: row.max_per_second,
    rateCeiling: row.rate_ceiling,
    rateAt: row.rate_at,
    notBefore: row.not_before,
  }));
}

const COUNT = statement(
  'destination_count_failures',
  `insert into destination as d (app_id, integration_id, environment, since, failures) values ($1, $2, $3, $4, $5)
   on conflict (app_id, integration_id, environment) do update
     set failures = case when $6 then excluded.failures else d.failures + excluded.failures end
   returning failures`,
);
/** Transient failures in a row: `n` more, or `n` after a success. @returns the count now */
export async function countFailures(
  sql: Sql,
  key: DestinationKey,
  n: number,
  anew: boolean,
  now: number,
): Promise<number> {
  const [row] = await sql.query<{ failures: number }>(COUNT, [
    key.appId,
    key.integrationId,
    key.environment,
    iso(now),
    n,
    anew,
  ]);
  return row!.failures;
}

const STOP = statement(
  'destination_stop',
  `insert into destination as d (app_id, integration_id, environment, state, reason, since, probe_at, settings_version) values ($1, $2, $3, $4, $5, $6, $7, $8)
   on conflict (app_id, integration_id, environment) do update
     set probes = case when d.state = excluded.state then d.probes + 1 else 0 end,
       since = case when d.state = excluded.state then d.since else excluded.since end,
       state = excluded.state, reason = excluded.reason, probe_at = excluded.probe_at, settings_version = excluded.settings_version
     where $9 or d.state = 'active'`,
);
/**
 * Nothing more is sent until a probe at `probeAt` succeeds.
 * @param stop `probe`: this is what a probe found; else it is one of several requests that were under way, and only the first counts
 */
export async function stopDestination(
  sql: Sql,
  key: DestinationKey,
  stop: { state: 'paused' | 'open'; reason: string; probeAt: number; settingsVersion: number; probe: boolean },
  now: number,
): Promise<void> {
  const { state, reason, probeAt, settingsVersion, probe } = stop;
  await sql.query(STOP, [
    key.appId,
    key.integrationId,
    key.environment,
    state,
    reason,
    iso(now),
    iso(probeAt),
    settingsVersion,
    probe,
  ]);
}

const RESUME = statement(
  'destination_resume',
  `update destination set state = 'active', reason = null, since = $4, probe_at = null, probes = 0, failures = 0,
     paused_ms = paused_ms + case when state = 'paused' then greatest(0, extract(epoch from $4::timestamptz - since) * 1000)::bigint else 0 end
   where app_id = $1 and integration_id = $2 and environment = $3 and state <> 'active'`,
);
/** Sending goes on. A pause (not an open breaker) is added to the time that does not count against the retry window. */
export async function resumeDestination(sql: Sql, key: DestinationKey, now: number): Promise<void> {
  await sql.query(RESUME, [key.appId, key.integrationId, key.environment, iso(now)]);
}

const WIN_PROBE = statement(
  'destination_win_probe',
  `update destination set probe_at = $5, settings_version = $6
   where app_id = $1 and integration_id = $2 and environment = $3 and state <> 'active'
     and (probe_at is null or probe_at <= $4 or settings_version is distinct from $6)
   returning 1 as won`,
);
/**
 * Only one process probes. Newer settings may be tried at once, whatever the schedule says.
 * @param nextAt when another may try if this probe is never heard of again
 */
export async function winProbe(
  sql: Sql,
  key: DestinationKey,
  settingsVersion: number,
  now: number,
  nextAt: number,
): Promise<boolean> {
  const won = await sql.query(WIN_PROBE, [
    key.appId,
    key.integrationId,
    key.environment,
    iso(now),
    iso(nextAt),
    settingsVersion,
  ]);
  return won.length > 0;
}

const THROTTLE = statement(
  'destination_throttle',
  `insert into destination as d (app_id, integration_id, environment, since, not_before, max_per_second, rate_ceiling, rate_at)
   values ($1, $2, $3, $4, $5, greatest(1, $6::real / 2), $6, $5)
   on conflict (app_id, integration_id, environment) do update
     set not_before = greatest(d.not_before, excluded.not_before),
       max_per_second = case when d.not_before > $4 then d.max_per_second else greatest(1, coalesce(d.max_per_second, $6) / 2) end,
       rate_ceiling = coalesce(d.rate_ceiling, excluded.rate_ceiling), rate_at = greatest(d.not_before, excluded.not_before)`,
);
/**
 * The collector says slow down: nothing before `notBefore`, then half the rate. Several such answers to requests that were under way
 * together halve it once.
 * @param rate requests a second up to now
 */
export async function throttleDestination(
  sql: Sql,
  key: DestinationKey,
  rate: number,
  notBefore: number,
  now: number,
): Promise<void> {
  await sql.query(THROTTLE, [key.appId, key.integrationId, key.environment, iso(now), iso(notBefore), rate]);
}

const QUICKEN = statement(
  'destination_quicken',
  `update destination
   set max_per_second = case when max_per_second + rate_ceiling / 10 >= rate_ceiling then null else max_per_second + rate_ceiling / 10 end,
     rate_ceiling = case when max_per_second + rate_ceiling / 10 >= rate_ceiling then null else rate_ceiling end,
     rate_at = $4
   where app_id = $1 and integration_id = $2 and environment = $3 and max_per_second is not null and rate_at <= $5`,
);
/** A tenth of the ceiling more, once since `unlessAfter`; at the ceiling the limit goes. */
export async function quickenDestination(
  sql: Sql,
  key: DestinationKey,
  now: number,
  unlessAfter: number,
): Promise<void> {
  await sql.query(QUICKEN, [key.appId, key.integrationId, key.environment, iso(now), iso(unlessAfter)]);
}
