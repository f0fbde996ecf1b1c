import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/database.ts';
import { iso, parseTimestamp, statement } from './pool.ts';

describe('values cross the border unharmed', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await testDatabase();
  });
  afterAll(() => test.close());

  it.each([0, 1, 999, 1_779_862_209_481, 4_102_444_799_999, -631_152_000_001])('timestamp %d', async (at) => {
    const rows = await test.db.query<{ at: number }>(statement('t_at', 'select $1::timestamptz as at'), [iso(at)]);
    expect(rows).toEqual([{ at }]);
  });

  it('infinities', () => {
    expect(parseTimestamp(iso(Infinity))).toBe(Infinity);
    expect(parseTimestamp(iso(-Infinity))).toBe(-Infinity);
  });

  it('refuses a bigint that a number cannot hold', async () => {
    await expect(test.db.query(statement('t_big', 'select 9007199254740993::bigint as n'), [])).rejects.toThrow(
      /53 bits/,
    );
  });

  it('rolls back what a failed transaction wrote', async () => {
    await expect(
      test.db.transaction(async (sql) => {
        await sql.query(
          statement('t_ins', 'insert into installation (simulator, created_at) values (true, now())'),
          [],
        );
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await test.sql('select * from installation')).toEqual([]);
  });
});
