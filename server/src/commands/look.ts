import { apiOf, CLIENT_OPTIONS } from './api-client.ts';
import { columns, type Command, text, UsageError, word } from './command.ts';
import { queryOf, segment } from './set-up.ts';

const LIST_MOST = 200;

const userShow: Command = {
  name: 'user show',
  usage: 'user show APP [ID | --user-id ID | --anonymous-id ID]',
  summary: 'A user or installation: ids, privacy, where they are logged in.',
  options: { ...CLIENT_OPTIONS, 'user-id': { type: 'string' }, 'anonymous-id': { type: 'string' } },
  async run(call) {
    const users = `/apps/${segment(word(call, 0, 'The slug of the app'))}/users`;
    const api = apiOf(call);
    const query = queryOf(call, { 'user-id': 'userId', 'anonymous-id': 'anonymousUserId' });
    const ids =
      query === '' ? [word(call, 1, 'An id')] : (await api.list(users + query, 2)).map((user) => String(user['id']));
    if (ids.length === 0) {
      call.print('Nobody is known by that id.');
      return 1;
    }
    for (const id of ids) call.print(JSON.stringify(await api.get(`${users}/${segment(id)}`), null, 2));
    return 0;
  },
};

const deliveryList: Command = {
  name: 'delivery list',
  usage: 'delivery list APP [--state STATE] [--event ID] [--limit N]',
  summary: 'What became of events at the integrations, newest first.',
  options: { ...CLIENT_OPTIONS, state: { type: 'string' }, event: { type: 'string' }, limit: { type: 'string' } },
  async run(call) {
    const most = Number(text(call, 'limit') ?? LIST_MOST);
    if (!Number.isInteger(most) || most < 1) throw new UsageError('--limit takes a whole number.');
    const path = `/apps/${segment(word(call, 0, 'The slug of the app'))}/deliveries${queryOf(call, { state: 'state', event: 'eventId' })}`;
    const items = await apiOf(call).list(path, most);
    const fields = ['id', 'code', 'environment', 'state', 'reason', 'tries', 'dueAt', 'eventId'];
    call.print(
      columns(
        fields,
        items.map((item) => fields.map((field) => cell(item[field]))),
      ),
    );
  },
};

function cell(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export const LOOK_COMMANDS: readonly Command[] = [userShow, deliveryList];
