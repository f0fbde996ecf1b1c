import { type Sql, statement } from '../pool.ts';

const ADD = statement(
  'rejection_add',
  `insert into rejection (app_id, store, day, code, count)
   select * from unnest($1::int[], $2::text[], $3::date[], $4::text[], $5::bigint[])
   on conflict (app_id, store, day, code) do update set count = rejection.count + excluded.count`,
);
export async function addRejections(
  sql: Sql,
  rows: readonly { appId: number; store: string; day: string; code: string; count: number }[],
): Promise<void> {
  await sql.query(ADD, [
    rows.map((row) => row.appId),
    rows.map((row) => row.store),
    rows.map((row) => row.day),
    rows.map((row) => row.code),
    rows.map((row) => row.count),
  ]);
}
