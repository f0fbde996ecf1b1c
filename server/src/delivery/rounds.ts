/**
 * One round: claim the lanes that have something due, plan each, set aside what may not be sent, write what will be in flight, let it
 * go. A round never waits for an answer.
 */
import { randomUUID } from 'node:crypto';
import type { Metrics } from '../observe/metrics.ts';
import type { Database } from '../storage/pool.ts';
import { type SetAside, setAside } from '../storage/queries/delivery.ts';
import { claimLanes, type ClaimedRow, type ClaimTarget, postponeLanes } from '../storage/queries/delivery-queue.ts';
import { insertSending } from '../storage/queries/sending.ts';
import { SHARDS } from './enqueue.ts';
import { gateKey, type Gates, type Passage } from './gates.ts';
import { type Batch, planLane } from './lanes.ts';
import type { Flight } from './settle.ts';
import type { Shards } from './shards.ts';

/** When the visitor is in flight in another process; and, in ours, in case its end is not noticed. Real time. */
const REST_MS = 100;
const LONG_REST_MS = 1_000;
/** How often the whole queue is looked at; in between only what became due since, so that vacuum's leftovers cost nothing. Real time. */
const FULL_LOOK_MS = 2_000;
/** A transaction that commits later than this after its own now is found by the next full look. */
const COMMIT_LAG_MS = 15_000;

export interface RoundsOptions {
  db: Database;
  gates: Gates;
  shards: Shards;
  version: string;
  now(): number;
  metrics?: Pick<Metrics, 'deliverySettled'> | undefined;
  /** Sends; the flight comes back through `settled`. */
  fly(flight: Flight): void;
}

interface Ready {
  batch: Batch;
  passage: Passage;
}

/** The lane waits for its visitor. */
interface Rest {
  /** Real time. */
  until: number;
  visitor: string;
}

function visitorKey(batch: Batch): string {
  return `${gateKey(batch)}:${batch.visitor.clientId}`;
}

export class Rounds {
  readonly #options: RoundsOptions;
  /** Lanes in flight or settling, with the earliest due time of what they carry. */
  readonly #busy = new Map<number, number>();
  readonly #resting = new Map<number, Rest>();
  readonly #visitors = new Set<string>();

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Lanes in flight or settling. */
  get busy(): ReadonlyMap<number, number> {
    return this.#busy;
  }

  /** @returns whether there may be more */
  async run(): Promise<boolean> {
    const { db, gates, shards, now } = this.#options;
    const owned = shards.owned();
    const passages = gates.open();
    if (passages.length === 0 || !owned.includes('1')) return false;
    for (const [lane, { until }] of this.#resting) if (until <= performance.now()) this.#resting.delete(lane);
    const at = now();
    const looks = passages.map((passage) => lookFor(passage));
    const lanes = await claimLanes(db, looks, [...this.#busy.keys(), ...this.#resting.keys()], owned, at);
    this.#narrow(passages, looks, lanes, at);
    return lanes.size > 0 && this.#work(passages, lanes, at);
  }

  /** These flights are written down: their lanes and visitors may move again. */
  settled(flights: readonly Flight[]): void {
    for (const { batch } of flights) {
      this.#busy.delete(batch.lane);
      const visitor = visitorKey(batch);
      this.#visitors.delete(visitor);
      // Of the lanes that wait for this visitor the one that has waited longest moves on.
      const next = [...this.#resting].find(([, waiting]) => waiting.visitor === visitor);
      if (next) this.#resting.delete(next[0]);
    }
  }

  /** After a full look: everything older than what it found first is settled or on its way. */
  #narrow(
    passages: readonly Passage[],
    looks: readonly ClaimTarget[],
    lanes: ReadonlyMap<number, ClaimedRow[]>,
    at: number,
  ): void {
    passages.forEach(({ gate, probe }, index) => {
      if (looks[index]!.from !== -Infinity || probe) return;
      let from = at - COMMIT_LAG_MS;
      for (const due of this.#busy.values()) if (due < from) from = due;
      for (const rows of lanes.values()) for (const row of rows) if (row.dueAt < from) from = row.dueAt;
      // What a resting lane holds is not known here.
      if (this.#resting.size > 0) from = Math.min(from, gate.from);
      gate.from = from;
      gate.lookedAt = performance.now();
    });
  }

  async #work(passages: readonly Passage[], lanes: ReadonlyMap<number, ClaimedRow[]>, at: number): Promise<boolean> {
    const { db, gates, version } = this.#options;
    const byGate = new Map(passages.map((passage) => [gateKey(passage.gate.row), { ...passage }]));
    // What was committed after a change of settings is sent under the new ones, although the round began before.
    for (const { gate } of passages) gates.adopt(gate);
    const postponed: { appId: number; lane: number; until: number }[] = [];
    const aside: SetAside[] = [];
    const ready: Ready[] = [];
    const taken = new Set<string>();
    for (const rows of lanes.values()) {
      const head = rows[0]!;
      const passage = byGate.get(gateKey(head));
      if (!passage || passage.room <= 0 || !passage.gate.pace.enabled) continue;
      const { gate, probe } = passage;
      const { definition, settings } = gate;
      const plan = planLane(rows, { definition, settings, now: at, version, probe });
      if (plan.waitUntil !== null) postponed.push({ appId: head.appId, lane: head.lane, until: plan.waitUntil });
      aside.push(...plan.setAside);
      if (!plan.batch) continue;
      const visitor = visitorKey(plan.batch);
      if (this.#visitors.has(visitor) || taken.has(visitor)) {
        this.#resting.set(head.lane, { until: performance.now() + LONG_REST_MS, visitor });
        continue;
      }
      taken.add(visitor);
      passage.room--;
      ready.push({ batch: plan.batch, passage });
    }
    await Promise.all([
      postponed.length > 0 && postponeLanes(db, postponed),
      aside.length > 0 && this.#setAside(aside, at),
    ]);
    const going = await this.#allowed(ready);
    if (going.length > 0) await this.#depart(going, at);
    return postponed.length + aside.length + going.length > 0;
  }

  async #setAside(rows: readonly SetAside[], at: number): Promise<void> {
    const { db, shards, metrics } = this.#options;
    const done = new Set(await setAside(db, shards.leasesOf(rows.map(({ lane }) => lane % SHARDS)), rows, at));
    for (const { id, state } of rows) if (done.has(id)) metrics?.deliverySettled(state, 1);
  }

  /** Of several processes one may probe. */
  async #allowed(ready: readonly Ready[]): Promise<Ready[]> {
    const allowed: Ready[] = [];
    for (const entry of ready) {
      if (!entry.passage.probe || (await this.#options.gates.winProbe(entry.passage.gate))) allowed.push(entry);
    }
    return allowed;
  }

  async #depart(going: readonly Ready[], at: number): Promise<void> {
    const { db, gates, shards, fly } = this.#options;
    const flights = going.flatMap(({ batch, passage: { gate, probe } }): Flight[] => {
      const shard = batch.lane % SHARDS;
      const epoch = shards.epochOf(shard);
      return epoch === undefined ? [] : [{ id: randomUUID(), batch, gate, probe, shard, epoch, sentAt: at }];
    });
    const rows = flights.map(({ batch, shard, epoch }) => ({
      appId: batch.appId,
      integrationId: batch.integrationId,
      environment: batch.environment,
      clientId: batch.visitor.clientId,
      shard,
      epoch,
      lane: batch.lane,
      deliveryIds: batch.rows.map((row) => row.id),
      eventIds: batch.rows.map((row) => row.eventId),
      settingsVersion: batch.settings.version,
    }));
    const written = await insertSending(db, shards.leasesOf(flights.map(({ shard }) => shard)), rows);
    for (const flight of flights) {
      const { batch, gate } = flight;
      const visitor = visitorKey(batch);
      if (!written.has(batch.lane)) {
        this.#resting.set(batch.lane, { until: performance.now() + REST_MS, visitor });
        continue;
      }
      this.#busy.set(batch.lane, Math.min(...batch.rows.map((row) => row.dueAt)));
      this.#visitors.add(visitor);
      gates.passed(gate);
      fly(flight);
    }
  }
}

function lookFor({ gate, room, probe }: Passage): ClaimTarget {
  const isFull = probe || performance.now() - gate.lookedAt >= FULL_LOOK_MS;
  const { appId, integrationId, environment } = gate.row;
  const from = isFull ? -Infinity : gate.from;
  return { appId, integrationId, environment, lanes: room, from, idName: gate.definition.visitorIdName };
}
