import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/database.ts';
import { readSchema, type TableShape } from './queries/schema.ts';

let test: TestDatabase;
let tables: TableShape[];
beforeAll(async () => {
  test = await testDatabase();
  tables = await readSchema(test.db);
});
afterAll(() => test.close());

/** People, keys and directories belong to the installation; everything else belongs to an app. */
const GLOBAL_DIRECTORY = ['app', 'api_key', 'audit', 'installation', 'schema_migration', 'shard_lease', 'shard_member'];
/** Names that must be unique in the whole installation, so that a URL or a notification finds its app. */
const GLOBAL_KEYS = ['store_account: UNIQUE (store, bundle_id)'];

it('schema.sql shows what the migrations make', async () => {
  const text = tables
    .map(({ name, columns, constraints, indexes, options, partition_key }) =>
      [
        `table ${name}${partition_key ? ` partition by ${partition_key}` : ''}${options ? ` with (${options.join(', ')})` : ''}`,
        ...columns.map((column) => `  ${column}`),
        ...(constraints ?? []).filter((line) => !line.startsWith('NOT NULL')).map((line) => `  ${line}`),
        ...(indexes ?? []).map(
          (line) => `  ${line.replace(' ON public.', ' ON ').replace(' ON ONLY public.', ' ON ')}`,
        ),
      ].join('\n'),
    )
    .join('\n\n');
  await expect(
    `-- Made by the schema test from a migrated database; change it with: npx vitest run schema.test -u\n\n${text}\n`,
  ).toMatchFileSnapshot('./schema.sql');
});

it('every key and unique index of an app’s data begins with the app', () => {
  const wrong = tables
    .filter(({ name }) => !GLOBAL_DIRECTORY.includes(name))
    .flatMap(({ name, constraints, indexes }) =>
      [
        ...(constraints ?? []).filter(
          (line) => /^(PRIMARY KEY|UNIQUE)/.test(line) && !/^(PRIMARY KEY|UNIQUE) \(app_id\b/.test(line),
        ),
        ...(indexes ?? []).filter((line) => line.includes('UNIQUE') && !line.includes('(app_id')),
      ].map((line) => `${name}: ${line}`),
    )
    .filter((line) => !GLOBAL_KEYS.includes(line));
  expect(wrong).toEqual([]);
});
