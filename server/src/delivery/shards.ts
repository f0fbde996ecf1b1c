/**
 * The shards this process works. Membership and epochs live in the database, on real time: a process that is not heard of for a few
 * seconds loses its shards to the others, and what it still writes under its old epochs changes nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from '../observe/log.ts';
import type { Database } from '../storage/pool.ts';
import { takeOver, withdrawUnflown } from '../storage/queries/sending.ts';
import { acquire, beat, type Lease, leave, release } from '../storage/queries/shard-lease.ts';
import { SHARDS } from './enqueue.ts';

const STAGE = 'deliver';
const ALIVE_MS = 6_000;
export const BEAT_MS = 1_500;
/** We stop a little before others may begin. */
const MARGIN_MS = 1_000;

/** What of this process is under way. */
export interface Traffic {
  isBusy(shard: number): boolean;
  lanesInFlight(): readonly number[];
}

export interface Shards {
  /** Stays alive, takes what is free, gives up what is too much, turns what others left in flight into ambiguous attempts. @returns how many of those */
  tend(traffic: Traffic): Promise<number>;
  /** The epoch under which we work a shard; undefined = not ours. */
  epochOf(shard: number): number | undefined;
  leasesOf(shards: Iterable<number>): Lease[];
  /** One character per shard, `1` = ours to claim from now. All `0` when we may be thought dead. */
  owned(): string;
  /** The part of all shards that is ours, 0 to 1. */
  share(): number;
  leave(): Promise<void>;
}

export interface ShardsOptions {
  db: Database;
  log: Log;
  version: string;
  now(): number;
  /** No other process can be alive (embedded database): take all shards at once, whoever holds them. */
  exclusive: boolean;
}

export function createShards({ db, log, version, now, exclusive }: ShardsOptions): Shards {
  const holder = randomUUID();
  let epochs = new Map<number, number>();
  /** Held, but no longer claimed from: given up as soon as nothing of them is in flight. */
  let leaving = new Set<number>();
  let aliveUntil = 0;
  let force = exclusive;
  const none = '0'.repeat(SHARDS);
  let bits = none;

  const redraw = () => {
    bits = Array.from({ length: SHARDS }, (_, shard) => (epochs.has(shard) && !leaving.has(shard) ? '1' : '0')).join(
      '',
    );
  };

  return {
    async tend({ isBusy, lanesInFlight }) {
      const began = performance.now();
      const { leases, members } = await beat(db, STAGE, holder, ALIVE_MS);
      const held = new Map(leases.map(({ shard, epoch }) => [shard, epoch]));
      const fair = exclusive ? SHARDS : Math.ceil(SHARDS / members);
      // A round that began before we stopped claiming has ended by the next beat.
      const idle = [...leaving].filter((shard) => !isBusy(shard));
      if (idle.length > 0) await release(db, STAGE, holder, idle);
      for (const shard of idle) held.delete(shard);
      leaving = new Set([...held.keys()].slice(fair));
      if (held.size < fair) {
        for (const { shard, epoch } of await acquire(db, STAGE, holder, fair - held.size, force))
          held.set(shard, epoch);
        force = false;
      }
      // Each time, not only for new shards: a slow process may have written its row after we first looked.
      const all = [...held].map(([shard, epoch]) => ({ shard, epoch }));
      const lost = all.length > 0 ? await takeOver(db, all, version, now()) : 0;
      if (lost > 0)
        log.warn(
          { requests: lost },
          'Requests of another process may or may not have arrived: they are sent again and marked',
        );
      if (all.length > 0) await withdrawUnflown(db, all, lanesInFlight());
      epochs = held;
      aliveUntil = began + ALIVE_MS - MARGIN_MS;
      redraw();
      return lost;
    },
    epochOf: (shard) => epochs.get(shard),
    leasesOf: (shards) =>
      [...new Set(shards)].flatMap((shard) => {
        const epoch = epochs.get(shard);
        return epoch === undefined ? [] : [{ shard, epoch }];
      }),
    owned: () => (performance.now() < aliveUntil ? bits : none),
    share: () => Math.max(1, epochs.size) / SHARDS,
    async leave() {
      epochs = new Map();
      redraw();
      await leave(db, STAGE, holder);
    },
  };
}
