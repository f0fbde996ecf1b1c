import { iso, type Sql, statement } from '../pool.ts';

export interface AttemptItem {
  id: string;
  at: number;
  trigger: string;
  eventIds: string[];
  settingsVersion: number;
  pianolaVersion: string;
  clientId: string | null;
  userAgent: string | null;
  address: string | null;
  privacyMode: string | null;
  privacyConsent: boolean | null;
  /** SHA-256 of the body, hex. */
  bodyHash: string | null;
  status: number | null;
  class: string;
  durationMs: number | null;
  error: string | null;
  ambiguous: boolean;
  bytesWritten: boolean;
  /** Kept for failures and ambiguous attempts. */
  requestUrl: string | null;
  requestBody: string | null;
}

interface Row {
  id: string;
  at: number;
  trigger: string;
  event_ids: string[];
  settings_version: number;
  pianola_version: string;
  client_id: string | null;
  user_agent: string | null;
  address: string | null;
  privacy_mode: string | null;
  privacy_consent: boolean | null;
  body_hash: Buffer | null;
  status: number | null;
  class: string;
  duration_ms: number | null;
  error: string | null;
  ambiguous: boolean;
  bytes_written: boolean;
  request_url: string | null;
  request_body: string | null;
}

const PAGE = statement(
  'reading_attempts',
  `select a.id, a.at, a.trigger, a.event_ids, a.settings_version, a.pianola_version, a.client_id, a.user_agent, a.address, a.privacy_mode,
     a.privacy_consent, a.body_hash, a.status, a.class, a.duration_ms, a.error, a.ambiguous, a.bytes_written, a.request_url, a.request_body
   from delivery d join attempt a on a.app_id = d.app_id and a.lane = d.lane and a.delivery_ids @> array[d.id]
   where d.app_id = $1 and d.id = $2 and (a.at, a.id) > ($3, $4)
   order by a.at, a.id limit $5`,
);
const FIRST = { at: Number.NEGATIVE_INFINITY, id: '00000000-0000-0000-0000-000000000000' };
/** Every try of one delivery, oldest first. An attempt may have carried other events too. */
export async function pageAttempts(
  sql: Sql,
  appId: number,
  deliveryId: number,
  page: { after?: { at: number; id: string } | undefined; limit: number },
): Promise<AttemptItem[]> {
  const { at, id } = page.after ?? FIRST;
  const rows = await sql.query<Row>(PAGE, [appId, deliveryId, iso(at), id, page.limit]);
  return rows.map((row) => ({
    id: row.id,
    at: row.at,
    trigger: row.trigger,
    eventIds: row.event_ids,
    settingsVersion: row.settings_version,
    pianolaVersion: row.pianola_version,
    clientId: row.client_id,
    userAgent: row.user_agent,
    address: row.address,
    privacyMode: row.privacy_mode,
    privacyConsent: row.privacy_consent,
    bodyHash: row.body_hash === null ? null : row.body_hash.toString('hex'),
    status: row.status,
    class: row.class,
    durationMs: row.duration_ms,
    error: row.error,
    ambiguous: row.ambiguous,
    bytesWritten: row.bytes_written,
    requestUrl: row.request_url,
    requestBody: row.request_body,
  }));
}
