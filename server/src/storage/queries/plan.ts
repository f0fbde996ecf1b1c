import { type Sql, statement } from '../pool.ts';

/** A plan as configured: what it is, and what the stores call it. */
export interface PlanSetting {
  id: string;
  product: string;
  level?: number | undefined;
  durationDays?: number | undefined;
  /** Store product ids by store id. */
  storeProducts: Record<string, string[]>;
}

const READ = statement(
  'plan_read',
  `select p.id, p.product_id, p.level, p.duration_days, coalesce(s.products, '{}') as products
   from plan p left join lateral (
     select jsonb_object_agg(store, ids) as products from (
       select store, jsonb_agg(store_product_id order by store_product_id collate "C") as ids
       from plan_store_product where app_id = p.app_id and plan_id = p.id group by store) t
   ) s on true
   where p.app_id = $1 order by p.id collate "C"`,
);
/** By plan id; store product ids in order. */
export async function readPlans(sql: Sql, appId: number): Promise<PlanSetting[]> {
  const rows = await sql.query<{
    id: string;
    product_id: string;
    level: number | null;
    duration_days: number | null;
    products: Record<string, string[]>;
  }>(READ, [appId]);
  return rows.map((row) => ({
    id: row.id,
    product: row.product_id,
    ...(row.level !== null && { level: row.level }),
    ...(row.duration_days !== null && { durationDays: row.duration_days }),
    storeProducts: row.products,
  }));
}

const DELETE = statement('plan_delete_all', 'delete from plan where app_id = $1');
const DELETE_PRODUCTS = statement('product_delete_all', 'delete from product where app_id = $1');
const INSERT_PRODUCTS = statement('product_insert', 'insert into product (app_id, id) select $1, unnest($2::text[])');
const INSERT = statement(
  'plan_insert',
  `insert into plan (app_id, id, product_id, level, duration_days)
   select $1, t.* from unnest($2::text[], $3::text[], $4::int[], $5::int[]) as t`,
);
const INSERT_STORE_PRODUCTS = statement(
  'plan_insert_store_products',
  `insert into plan_store_product (app_id, store, store_product_id, plan_id)
   select $1, t.* from unnest($2::text[], $3::text[], $4::text[]) as t`,
);
/** The whole list, replaced. Ids of plans, and of products within a store, must be unique. */
export async function replacePlans(sql: Sql, appId: number, plans: readonly PlanSetting[]): Promise<void> {
  await sql.query(DELETE, [appId]);
  await sql.query(DELETE_PRODUCTS, [appId]);
  await sql.query(INSERT_PRODUCTS, [appId, [...new Set(plans.map((plan) => plan.product))]]);
  await sql.query(INSERT, [
    appId,
    plans.map((plan) => plan.id),
    plans.map((plan) => plan.product),
    plans.map((plan) => plan.level ?? null),
    plans.map((plan) => plan.durationDays ?? null),
  ]);
  const products = plans.flatMap((plan) =>
    Object.entries(plan.storeProducts).flatMap(([store, ids]) => ids.map((id) => ({ store, id, plan: plan.id }))),
  );
  await sql.query(INSERT_STORE_PRODUCTS, [
    appId,
    products.map((product) => product.store),
    products.map((product) => product.id),
    products.map((product) => product.plan),
  ]);
}
