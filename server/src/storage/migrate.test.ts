import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/database.ts';
import { listMigrations, migrate } from './migrate.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

const extra = (breaking: boolean) => ({
  number: listMigrations().length + 1,
  name: 'later',
  text: 'create table later (n integer)',
  breaking,
});

describe('migrations', () => {
  it('are applied once, however many processes start together', async () => {
    const wanted = [...listMigrations(), extra(false)];
    const applied = await Promise.all([1, 2, 3].map(() => migrate(test.url, 0, wanted)));
    expect(applied.flat()).toEqual([wanted.length]);
    expect(await test.sql('select number, breaking from schema_migration order by number')).toHaveLength(wanted.length);
  });

  it('tolerate a newer database that says older code may use it', async () => {
    expect(await migrate(test.url, 0)).toEqual([]);
  });

  it('refuse a newer database that says older code may not', async () => {
    await test.sql(
      'update schema_migration set breaking = true where number = (select max(number) from schema_migration)',
    );
    await expect(migrate(test.url, 0)).rejects.toMatchObject({ code: 'schema_newer' });
  });

  it('leave no trace when a file fails', async () => {
    const broken = {
      number: 99,
      name: 'broken',
      text: 'create table half (n integer); select no_such_function()',
      breaking: false,
    };
    await test.sql('update schema_migration set breaking = false');
    await expect(migrate(test.url, 0, [...listMigrations(), broken])).rejects.toThrow('no_such_function');
    expect(await test.sql("select to_regclass('half') as half")).toEqual([{ half: null }]);
    expect(await test.sql('select 1 from schema_migration where number = 99')).toEqual([]);
  });
});
