/** Reads what became of the notifications: signals and events in Pianola, deliveries, and what AT Internet took. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoProblem } from './ask.ts';
import { MAIN_EVENTS } from './lives.ts';
import { SLUG, type Visitor, type World } from './set-up.ts';

/** An answer of the simulated App Store. */
export interface StoreNotification {
  uuid: string;
  type: string;
  subtype: string | null;
  /** Epoch ms. */
  signedDate: number;
  state: string;
  content: { transaction?: { transactionId: string; expiresDate?: number } };
  attempts: { result: string; status: number | null }[];
}

interface Signal {
  id: string;
  type: string;
  storeTime: string;
  state: string;
  reason: string | null;
  transactionIds: string[];
}

export interface DatasetEvent {
  eventId: string;
  code: string;
  attributes: Record<string, unknown>;
}

export interface Delivery {
  state: string;
  reason: string | null;
  clientId: string | null;
  ambiguous: boolean;
}

/** A line of the collector's journal. */
export interface Collected {
  name: string;
  idclient: string;
  sub_event_id: string;
  outcome: string;
  cause: string | null;
}

export interface Chapter {
  visitor: Visitor;
  notification: StoreNotification;
  /** Null until Pianola has it. */
  signal: Signal | null;
  events: { event: DatasetEvent; main: boolean; delivery: Delivery | null; collected: Collected[] }[];
}

/** Real time a step may take; a hundred times what it does. */
const PATIENCE_MS = 20_000;
const FINAL = new Set(['delivered', 'suppressed', 'parked', 'dead_letter']);
const isMain = (code: string): boolean => (MAIN_EVENTS as readonly string[]).includes(code);

export async function notificationsOf(world: World, visitor: Visitor): Promise<StoreNotification[]> {
  const path = `/apple/notifications?subscriber=${visitor.subscriberId}&limit=1000`;
  return (await world.stores.get<{ items: StoreNotification[] }>(path)).items;
}

/** Everything both visitors' notifications have led to by now, in order of signing. */
export async function readStory(world: World, visitors: readonly Visitor[]): Promise<Chapter[]> {
  const { items: signals } = await world.api.get<{ items: Signal[] }>(`/apps/${SLUG}/signals?limit=200`);
  const chapters: Chapter[] = [];
  for (const visitor of visitors) {
    const collected = await collectedOf(world, visitor);
    for (const notification of await notificationsOf(world, visitor)) {
      const signal = signals.find((one) => tells(one, notification)) ?? null;
      chapters.push({ visitor, notification, signal, events: signal ? await eventsOf(world, signal, collected) : [] });
    }
  }
  return chapters.toSorted((a, b) => a.notification.signedDate - b.notification.signedDate);
}

function tells(signal: Signal, { type, subtype, signedDate, content }: StoreNotification): boolean {
  return (
    signal.type === (subtype === null ? type : `${type}/${subtype}`) &&
    Date.parse(signal.storeTime) === signedDate &&
    signal.transactionIds.includes(content.transaction?.transactionId ?? '')
  );
}

async function eventsOf(world: World, signal: Signal, collected: Map<string, Collected[]>): Promise<Chapter['events']> {
  const { items } = await world.api.get<{ items: DatasetEvent[] }>(
    `/apps/${SLUG}/events?signalId=${signal.id}&order=asc&limit=200`,
  );
  return Promise.all(
    items.map(async (event) => {
      const main = isMain(event.code);
      const path = `/apps/${SLUG}/deliveries?eventId=${event.eventId}`;
      const delivery = main ? ((await world.api.get<{ items: Delivery[] }>(path)).items[0] ?? null) : null;
      return { event, main, delivery, collected: collected.get(event.eventId) ?? [] };
    }),
  );
}

/** What the collector received for a visitor, oldest first. */
async function readJournal(world: World, { clientId }: Visitor): Promise<Collected[]> {
  const path = `/__journal?view=brief&order=asc&limit=1000&idclient=${encodeURIComponent(clientId)}`;
  return (await world.collector.get<{ items: Collected[] }>(path)).items;
}

async function collectedOf(world: World, visitor: Visitor): Promise<Map<string, Collected[]>> {
  return Map.groupBy(await readJournal(world, visitor), (entry) => entry.sub_event_id);
}

/** Event ids in the order in which the collector received them. */
export async function readReceived(world: World, visitor: Visitor): Promise<string[]> {
  return (await readJournal(world, visitor)).map((entry) => entry.sub_event_id);
}

/** Waits until Pianola has dealt with everything the App Store has said. */
export async function settle(world: World, visitors: readonly Visitor[]): Promise<Chapter[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const chapters = await readStory(world, visitors);
    const open = chapters.map(openPoint).find((point) => point !== null);
    // Read again: the journal was read before the deliveries, and a delivery may have arrived and settled in between.
    if (open === undefined) return readStory(world, visitors);
    if (Date.now() > deadline)
      throw new DemoProblem(open, 'See the log of Pianola, and GET /api/v1/apps/demo/deliveries.');
    await sleep(25);
  }
}

/** What is not settled yet, in words; null = nothing. */
export function openPoint({ visitor, notification, signal, events }: Chapter): string | null {
  const what = `${visitor.life.name}’s ${notification.type}`;
  const last = notification.attempts.at(-1);
  if (!signal)
    return `${what} has not reached Pianola (last attempt: ${last?.result ?? 'none'} ${last?.status ?? ''}).`;
  if (signal.state === 'pending') return `${what} waits in Pianola${signal.reason ? ` (${signal.reason})` : ''}.`;
  if (signal.state === 'failed') return `${what} failed in Pianola (${signal.reason}).`;
  for (const { event, main, delivery } of events) {
    if (!main) continue;
    if (!delivery) return `${what}: there is no delivery of ${event.code}.`;
    if (!FINAL.has(delivery.state))
      return `${what}: ${event.code} is ${delivery.state} (${delivery.reason ?? 'no reason'}).`;
  }
  return null;
}
