import { type Sql, statement } from '../pool.ts';

const DESCRIBE = statement(
  'schema_describe',
  `with relation as (
     select c.oid, c.relname, c.relkind, c.reloptions, pg_get_partkeydef(c.oid) as partition_key
     from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
   )
   select r.relname as name, r.partition_key, r.reloptions as options,
     (select array_agg(format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
          case when a.attnotnull then ' not null' else '' end,
          case a.attidentity when 'a' then ' generated always as identity' else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') end,
          case when a.attstorage <> t.typstorage then ' storage ' || a.attstorage::text else '' end) order by a.attnum)
        from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped) as columns,
     (select array_agg(pg_get_constraintdef(k.oid) order by k.contype, k.conname)
        from pg_constraint k where k.conrelid = r.oid and k.contype in ('p', 'u', 'f', 'c')) as constraints,
     (select array_agg(pg_get_indexdef(i.indexrelid) order by i.indexrelid::regclass::text)
        from pg_index i where i.indrelid = r.oid and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid)) as indexes
   from relation r order by r.relname`,
);
export interface TableShape {
  name: string;
  partition_key: string | null;
  options: string[] | null;
  columns: string[];
  constraints: string[] | null;
  indexes: string[] | null;
}
export function readSchema(sql: Sql): Promise<TableShape[]> {
  return sql.query<TableShape>(DESCRIBE, []);
}
