/**
 * Which process works which shard. Members are alive while their row says so (real time); a shard belongs to its holder until
 * another member takes it from a dead one, which raises its epoch. Whoever writes under an epoch checks it.
 */
import { type Sql, statement } from '../pool.ts';

export interface Lease {
  shard: number;
  epoch: number;
}

/**
 * Common table expression text: of the leases given as $1 (shards) and $2 (epochs) those still ours, locked against being taken
 * until the statement has committed. In order, so that no two statements wait for each other.
 */
export const HELD_LEASES = `select l.shard from shard_lease l
     join unnest($1::smallint[], $2::bigint[]) as k (shard, epoch) on l.shard = k.shard and l.epoch = k.epoch
     where l.stage = 'deliver' order by l.shard for share of l`;

const ALIVE = `select m.holder from shard_member m where m.stage = $1 and m.until > clock_timestamp()`;

const BEAT = statement(
  'shard_lease_beat',
  `with me as (
     insert into shard_member (stage, holder, until) values ($1, $2, clock_timestamp() + $3::int * interval '1 ms')
     on conflict (stage, holder) do update set until = excluded.until)
   select l.shard, l.epoch, (select count(*)::int from (${ALIVE} and m.holder <> $2) other) + 1 as members
   from (values ($2::uuid)) as self (id) left join shard_lease l on l.stage = $1 and l.holder = self.id
   order by l.shard`,
);
/** Stays alive for `aliveMs` more. @returns what this member holds, and how many are alive, itself included */
export async function beat(
  sql: Sql,
  stage: string,
  holder: string,
  aliveMs: number,
): Promise<{ leases: Lease[]; members: number }> {
  const rows = await sql.query<{ shard: number | null; epoch: number; members: number }>(BEAT, [
    stage,
    holder,
    aliveMs,
  ]);
  return {
    leases: rows.flatMap(({ shard, epoch }) => (shard === null ? [] : [{ shard, epoch }])),
    members: rows[0]!.members,
  };
}

const ACQUIRE = statement(
  'shard_lease_acquire',
  `update shard_lease l set holder = $2, epoch = l.epoch + 1
   from (select shard from shard_lease
         where stage = $1 and holder is distinct from $2 and ($4 or holder is null or holder not in (${ALIVE}))
         order by shard limit $3 for no key update skip locked) free
   where l.stage = $1 and l.shard = free.shard
   returning l.shard, l.epoch`,
);
/** Takes up to `n` shards that nobody alive holds; with `force`, whoever holds them (there can be no other process). */
export async function acquire(sql: Sql, stage: string, holder: string, n: number, force: boolean): Promise<Lease[]> {
  return sql.query<Lease>(ACQUIRE, [stage, holder, n, force]);
}

const RELEASE = statement(
  'shard_lease_release',
  `update shard_lease set holder = null where stage = $1 and holder = $2 and shard = any($3::smallint[])`,
);
/** Gives shards up; nothing of them may be under way. */
export async function release(sql: Sql, stage: string, holder: string, shards: readonly number[]): Promise<void> {
  await sql.query(RELEASE, [stage, holder, shards]);
}

const LEAVE = statement(
  'shard_lease_leave',
  `with gone as (delete from shard_member where stage = $1 and (holder = $2 or until < clock_timestamp()))
   update shard_lease set holder = null where stage = $1 and holder = $2`,
);
/** The member's last word; clears away dead ones too. */
export async function leave(sql: Sql, stage: string, holder: string): Promise<void> {
  await sql.query(LEAVE, [stage, holder]);
}
