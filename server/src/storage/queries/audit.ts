import { iso, type Sql, statement } from '../pool.ts';

export interface AuditEntry {
  /** Who: the name of an API key, or `cli`. */
  actor: string;
  /** e.g. `app.save`. */
  action: string;
  appId: number | null;
  target: string | null;
  /** What changed; never a secret's value. */
  detail: Record<string, unknown> | null;
}

const INSERT = statement(
  'audit_insert',
  'insert into audit (at, actor, action, app_id, target, detail) values ($1, $2, $3, $4, $5, $6)',
);
/** In the transaction of the change it tells of. */
export async function insertAudit(sql: Sql, entry: AuditEntry, now: number): Promise<void> {
  await sql.query(INSERT, [
    iso(now),
    entry.actor,
    entry.action,
    entry.appId,
    entry.target,
    entry.detail === null ? null : JSON.stringify(entry.detail),
  ]);
}
