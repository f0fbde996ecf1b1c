/** Owners as ingest needs them: who they are, what they have spent. */
import type { Environment } from '../../events/event.ts';
import type { Owner } from '../../lifecycle/record.ts';
import { type Sql, statement } from '../pool.ts';

const LOAD = statement(
  'owner_load',
  `select u.app_id, u.id, u.user_id, u.anonymous_user_id, u.device_id, u.device_type, k.environment, coalesce(r.amount, 0) as revenue
   from unnest($1::int[], $2::uuid[], $3::text[]) as k (app_id, id, environment)
   join app_user u using (app_id, id)
   left join owner_revenue r on r.app_id = k.app_id and r.owner_id = k.id and r.environment = k.environment`,
);
export interface KnownOwner {
  owner: Owner;
  /** Net amount of all purchases held in that environment, minor units of the app's currency. */
  revenue: number;
}
/** By `${appId}:${id}:${environment}`. */
export async function loadOwners(
  sql: Sql,
  keys: readonly { appId: number; id: string; environment: Environment }[],
): Promise<Map<string, KnownOwner>> {
  if (keys.length === 0) return new Map();
  const rows = await sql.query<{
    app_id: number;
    id: string;
    user_id: string | null;
    anonymous_user_id: string | null;
    device_id: string | null;
    device_type: string | null;
    environment: Environment;
    revenue: number;
  }>(LOAD, [keys.map((key) => key.appId), keys.map((key) => key.id), keys.map((key) => key.environment)]);
  return new Map(
    rows.map((row) => [
      `${row.app_id}:${row.id}:${row.environment}`,
      {
        revenue: row.revenue,
        owner: {
          id: row.id,
          ...(row.user_id !== null && { userId: row.user_id }),
          ...(row.anonymous_user_id !== null && { anonymousUserId: row.anonymous_user_id }),
          ...(row.device_id !== null && { deviceId: row.device_id }),
          ...(row.device_type !== null && { deviceType: row.device_type }),
        },
      },
    ]),
  );
}

export interface Revenue {
  appId: number;
  ownerId: string;
  environment: Environment;
  /** Minor units of the app's currency. */
  amount: number;
}
const SAVE_REVENUE = statement(
  'owner_save_revenue',
  `insert into owner_revenue (app_id, owner_id, environment, amount)
   select * from unnest($1::int[], $2::uuid[], $3::text[], $4::bigint[])
   on conflict (app_id, owner_id, environment) do update set amount = excluded.amount`,
);
/** Under the owner's lock. */
export async function saveRevenue(sql: Sql, rows: readonly Revenue[]): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(SAVE_REVENUE, [
    rows.map((row) => row.appId),
    rows.map((row) => row.ownerId),
    rows.map((row) => row.environment),
    rows.map((row) => row.amount),
  ]);
}
