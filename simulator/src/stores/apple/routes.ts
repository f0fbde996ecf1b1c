/** The routes that script the simulated App Store. They are no part of Apple's. */
import {
  choice,
  type Fields,
  integer,
  list,
  object,
  optionalBoolean,
  optionalInteger,
  optionalText,
} from '../../http/fields.ts';
import { notFound } from '../../http/problem.ts';
import type { Call, Router } from '../../http/router.ts';
import { ACTIONS } from './actions/index.ts';
import { Admission, type ApiFault } from './admission.ts';
import { AppleApi } from './api.ts';
import { type AppStore, ENVIRONMENTS } from './app-store.ts';
import { readApp } from './catalogue.ts';
import type { SentNotification } from './delivery.ts';
import type { Manner } from './outbox.ts';

/** A notification as scripts read it. */
function shown(notification: SentNotification): Record<string, unknown> {
  const { testToken: _, ...rest } = notification;
  return rest;
}

/** `{deliver: {skip?, times?}}` beside an action's own options. */
function readManner(fields: Fields): Manner {
  const deliver = fields.deliver === undefined ? {} : object(fields.deliver, 'deliver');
  return { skip: optionalBoolean(deliver, 'skip') ?? false, times: optionalInteger(deliver, 'times', 1, 100) ?? 1 };
}

function readFault(value: unknown, name: string): ApiFault {
  const fields = object(value, name);
  const status = integer(fields, 'status', 400, 599);
  return {
    path: optionalText(fields, 'path') ?? '',
    status,
    errorCode: optionalInteger(fields, 'errorCode', 0, 9_999_999) ?? status * 10_000,
    retryAfterMs: optionalInteger(fields, 'retryAfterMs', 0, 86_400_000) ?? null,
    times: optionalInteger(fields, 'times', 1, 1_000_000) ?? 1,
  };
}

export function addAppleRoutes(router: Router, store: AppStore, root: Uint8Array): void {
  const admission = new Admission(store.apps, () => store.timeline.now());
  const body = async (call: Call): Promise<Fields> => object(await call.body(), 'the body');

  router.add('GET', '/apple/root.der', () => ({ bytes: root }));

  router.add('GET', '/apple/apps', () => ({ json: { items: [...store.apps.values()] } }));
  router.add('GET', '/apple/apps/{bundleId}', ({ params }) => ({ json: store.app(params.bundleId as string) }));
  router.add('PUT', '/apple/apps/{bundleId}', async (call) => {
    const app = readApp(call.params.bundleId as string, await body(call));
    store.putApp(app);
    return { json: app };
  });
  router.add('PUT', '/apple/apps/{bundleId}/faults', async (call) => {
    const { bundleId } = store.app(call.params.bundleId as string);
    const faults = list(await body(call), 'faults').map((fault, index) => readFault(fault, `faults[${index}]`));
    admission.faults.set(bundleId, faults);
    return { json: { faults } };
  });
  /** Any notification, also of types and shapes Apple does not know yet. */
  router.add('POST', '/apple/apps/{bundleId}/notifications', async (call) => {
    const fields = await body(call);
    const environment = choice(fields, 'environment', ENVIRONMENTS);
    const notification = store.announce(call.params.bundleId as string, environment, fields);
    await store.outbox.deliver([notification], readManner(fields));
    return { json: shown(notification) };
  });

  router.add('GET', '/apple/actions', () => ({ json: { items: Object.keys(ACTIONS) } }));
  router.add('GET', '/apple/subscribers', ({ query }) => {
    const bundleId = query.get('bundleId');
    const items = [...store.subscribers.values()].filter((one) => bundleId === null || one.bundleId === bundleId);
    return { json: { items } };
  });
  router.add('POST', '/apple/subscribers', async (call) => ({
    status: 201,
    json: store.createSubscriber(await body(call)),
  }));
  router.add('GET', '/apple/subscribers/{id}', ({ params }) => ({ json: store.subscriber(params.id as string) }));
  router.add('POST', '/apple/subscribers/{id}/{action}', async (call) => {
    const { id, action } = call.params as { id: string; action: string };
    const fields = await body(call);
    const notifications = await store.act(id, action, fields, readManner(fields));
    return { json: { subscriber: store.subscriber(id), notifications: notifications.map(shown) } };
  });

  router.add('GET', '/apple/notifications', ({ query }) => {
    const [subscriberId, bundleId, type] = [query.get('subscriber'), query.get('bundleId'), query.get('type')];
    const limit = Math.min(1_000, Number(query.get('limit') ?? 100) || 100);
    const items = [...store.outbox.notifications.values()]
      .filter((one) => subscriberId === null || one.subscriberId === subscriberId)
      .filter((one) => bundleId === null || one.bundleId === bundleId)
      .filter((one) => type === null || one.type === type)
      .slice(-limit);
    return { json: { items: items.map(shown) } };
  });
  const notificationOf = (uuid: string): SentNotification => {
    const notification = store.outbox.notifications.get(uuid);
    if (!notification) throw notFound(`Notification ${uuid}`, 'See GET /apple/notifications.');
    return notification;
  };
  router.add('GET', '/apple/notifications/{uuid}', ({ params }) => ({
    json: shown(notificationOf(params.uuid as string)),
  }));
  router.add('POST', '/apple/notifications/{uuid}/deliver', async ({ params }) => {
    const notification = notificationOf(params.uuid as string);
    await store.outbox.deliver([notification]);
    return { json: shown(notification) };
  });

  new AppleApi(store).addRoutes(router, admission);
}
