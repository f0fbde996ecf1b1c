/**
 * The only door to PostgreSQL: named, prepared statements on a bounded pool, and transactions.
 * Values cross as the product writes them: `timestamptz` as epoch ms, `bigint` as number (every bigint we store fits 53 bits).
 */
import pg from 'pg';
import type { TypeId } from 'pg-types';

export interface Statement {
  name: string;
  text: string;
}

export interface Sql {
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Sql {
  /**
   * BEGIN … COMMIT on one connection; rolls back and rethrows what `work` throws. READ COMMITTED. Statements asked for without
   * waiting in between (`Promise.all`) travel together and run in the order in which they were asked for.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A statement is prepared once per connection under its name, so one name must always mean one text. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}

/** Epoch ms to what PostgreSQL reads as `timestamptz`. */
export function iso(at: number): string {
  return at === Infinity ? 'infinity' : at === -Infinity ? '-infinity' : new Date(at).toISOString();
}

/** PostgreSQL's `2026-05-27 06:10:09.481+00` (session time zone UTC) to epoch ms; microseconds are cut. */
export function parseTimestamp(text: string): number {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const two = (at: number) => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
  let ms = 0;
  if (text[19] === '.') {
    let scale = 100;
    for (let i = 20; i < 23; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) break;
      ms += digit * scale;
      scale /= 10;
    }
  }
  return Date.UTC(two(0) * 100 + two(2), two(5) - 1, two(8), two(11), two(14), two(17), ms);
}

function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit 53 bits`);
  return value;
}

const TIMESTAMPTZ = 1184;
const INT8 = 20;
const parsers = {
  getTypeParser(oid: TypeId, format?: 'text' | 'binary') {
    if ((oid as number) === TIMESTAMPTZ) return parseTimestamp;
    if ((oid as number) === INT8) return parseBigint;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

export interface PoolOptions {
  /** Connections at most. */
  size: number;
  /** Told of connections that broke while idle; the pool replaces them. */
  onError?: (error: Error) => void;
}

export function openDatabase(url: string, { size, onError }: PoolOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    types: parsers as unknown as pg.CustomTypesConfig,
    // Our statements look rows up by key. On a young table the planner thinks reading it whole is cheaper, keeps that plan, and a
    // few minutes later it is a hundred times dearer; so it may only do so where there is no other way.
    options:
      '-c timezone=UTC -c datestyle=ISO -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c plan_cache_mode=force_generic_plan',
    // Statements that do not need each other's answers go out together: a round trip costs more than most of them.
    pipeline: true,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    application_name: 'pianola',
  });
  pool.on('error', (error) => onError?.(error));
  // One that breaks while in use fails its query, which is handled there; the event without a listener would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  const on = (client: pg.Pool | pg.PoolClient): Sql => ({
    async query<Row>({ name, text }: Statement, values: readonly unknown[]): Promise<Row[]> {
      const result = await client.query({ name, text, values: values as unknown[] });
      return result.rows as Row[];
    },
  });
  return {
    ...on(pool),
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        // Not waited for: it goes out together with the first statement of the work.
        const begun = client.query('begin');
        begun.catch(() => {});
        const result = await work(on(client));
        await begun;
        await client.query('commit');
        return result;
      } catch (error) {
        // A connection whose rollback fails is thrown away: its state is unknown.
        await client.query('rollback').catch((failure: Error) => {
          broken = failure;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}
