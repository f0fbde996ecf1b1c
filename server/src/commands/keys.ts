/** API keys, made where the database is: whoever can open it needs no key to make the first one. */
import { PianolaError } from '../errors.ts';
import { createApiKey } from '../http/keyring.ts';
import { listApiKeys, revokeApiKey, type Scope } from '../storage/queries/api-key.ts';
import { appBySlug } from '../storage/queries/app.ts';
import { insertAudit } from '../storage/queries/audit.ts';
import { columns, type Command, needed, text, UsageError, word } from './command.ts';
import { withDatabase } from './database.ts';

const SCOPES: readonly Scope[] = ['read', 'write'];
const DAY_MS = 86_400_000;

function scopesOf(given: string): Scope[] {
  const scopes = given.split(',').map((scope) => scope.trim());
  const wrong = scopes.find((scope) => !SCOPES.includes(scope as Scope));
  if (wrong !== undefined) throw new UsageError(`--scopes takes ${SCOPES.join(' and ')}, not “${wrong}”.`);
  return [...new Set(scopes as Scope[])];
}

function expiryOf(days: string | undefined, now: number): number | null {
  if (days === undefined) return null;
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > 3_650)
    throw new UsageError('--days takes a whole number from 1 to 3650.');
  return now + count * DAY_MS;
}

const create: Command = {
  name: 'key create',
  usage: 'key create --name NAME --scopes read,write [--app SLUG] [--days N]',
  summary: 'Make an API key. It is shown this once and stored nowhere.',
  options: { name: { type: 'string' }, scopes: { type: 'string' }, app: { type: 'string' }, days: { type: 'string' } },
  async run(call) {
    const name = needed(call, 'name');
    const scopes = scopesOf(needed(call, 'scopes'));
    const slug = text(call, 'app');
    const now = Date.now();
    const expiresAt = expiryOf(text(call, 'days'), now);
    await withDatabase(call.config, async (db) => {
      const app = slug === undefined ? null : await appBySlug(db, slug);
      if (app === undefined) throw new PianolaError('app_unknown');
      const made = await db.transaction(async (sql) => {
        const { id, key } = await createApiKey(sql, { name, scopes, appId: app?.id ?? null, expiresAt }, now);
        await insertAudit(
          sql,
          { actor: 'cli', action: 'api_key.create', appId: app?.id ?? null, target: id, detail: { name, scopes } },
          now,
        );
        return { id, key };
      });
      call.print(`id   ${made.id}\nkey  ${made.key}\n\nKeep the key: it is not shown again.`);
    });
  },
};

const list: Command = {
  name: 'key list',
  usage: 'key list',
  summary: 'All API keys, without the keys themselves.',
  async run({ config, print }) {
    await withDatabase(config, async (db) => {
      const date = (at: number | null) => (at === null ? '' : new Date(at).toISOString().slice(0, 10));
      const rows = (await listApiKeys(db)).map((key) => [
        key.id,
        key.name,
        key.scopes.join(','),
        key.appId === null ? 'all' : String(key.appId),
        date(key.createdAt),
        date(key.expiresAt),
        date(key.revokedAt),
      ]);
      print(columns(['id', 'name', 'scopes', 'app', 'created', 'expires', 'revoked'], rows));
    });
  },
};

const revoke: Command = {
  name: 'key revoke',
  usage: 'key revoke ID',
  summary: 'End an API key. Running servers notice within seconds.',
  async run(call) {
    const id = word(call, 0, 'The id of the key');
    if (!/^[0-9a-f-]{36}$/.test(id)) throw new UsageError('The id of the key is a UUID; see: pianola key list');
    const now = Date.now();
    await withDatabase(call.config, (db) =>
      db.transaction(async (sql) => {
        if (!(await revokeApiKey(sql, id, now))) throw new PianolaError('not_found', 'There is no such key.');
        await insertAudit(sql, { actor: 'cli', action: 'api_key.revoke', appId: null, target: id, detail: null }, now);
      }),
    );
    call.print('Revoked.');
  },
};

export const DATABASE_COMMANDS: readonly Command[] = [create, list, revoke];
