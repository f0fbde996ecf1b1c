/** Plays the two lives under the stepped clock, and waits after each step until Pianola has dealt with it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { CAMILLE, DAY_MS, HOUR_MS, NOAH, type Step, STEPS } from './lives.ts';
import { type Visitor, welcome, type World } from './set-up.ts';
import { type Chapter, notificationsOf, settle } from './story.ts';

interface ClockState {
  mode: string;
  now: number;
  rate: number;
}

/** Runs `work` with the clock standing still, and lets it run as before afterwards. */
export async function withSteppedClock<Result>(world: World, work: () => Promise<Result>): Promise<Result> {
  const before = await world.stores.get<ClockState>('/__clock');
  await world.stores.put('/__clock', { mode: 'stepped' });
  try {
    return await work();
  } finally {
    await world.stores.put('/__clock', { mode: before.mode, ...(before.mode === 'fast' && { rate: before.rate }) });
  }
}

/** Ids as AT Internet's SDKs make them: iOS gives an upper-case GUID, a web view 16 characters. */
export async function welcomeBoth(world: World): Promise<Visitor[]> {
  const camille = await welcome(world, CAMILLE, randomUUID().toUpperCase());
  const noah = await welcome(world, NOAH, randomBytes(8).toString('hex'));
  return [camille, noah];
}

async function take(world: World, visitors: readonly Visitor[], step: Step): Promise<void> {
  const of = (life: Visitor['life']): Visitor => visitors.find((visitor) => visitor.life === life) as Visitor;
  if ('action' in step) {
    await world.stores.post(`/apple/subscribers/${of(step.who).subscriberId}/${step.action}`, step.options ?? {});
  } else if ('days' in step) {
    await world.stores.post('/__clock/advance', { ms: step.days * DAY_MS });
  } else {
    const ends = (await notificationsOf(world, of(step.endOfPeriod))).map(
      (one) => one.content.transaction?.expiresDate ?? 0,
    );
    await world.stores.post('/__clock/advance', { to: Math.max(...ends) + HOUR_MS });
  }
}

/** `told` is called after each step with all that has happened so far. */
export async function play(
  world: World,
  visitors: readonly Visitor[],
  told: (chapters: readonly Chapter[]) => void,
): Promise<Chapter[]> {
  // Nothing happens in the very moment in which the integration was switched on.
  await world.stores.post('/__clock/advance', { ms: HOUR_MS });
  let chapters: Chapter[] = [];
  for (const step of STEPS) {
    await take(world, visitors, step);
    chapters = await settle(world, visitors);
    told(chapters);
  }
  return chapters;
}
