/** Did both lives bring forth what they had to, and did AT Internet take it, each event once and on the right visitor? */
import { MAIN_EVENTS } from './lives.ts';
import type { Visitor } from './set-up.ts';
import type { Chapter } from './story.ts';

export interface Check {
  ok: boolean;
  /** One line of the summary. */
  text: string;
  /** What is wrong, line by line. */
  problems: string[];
}

const check = (text: string, problems: string[]): Check => ({ ok: problems.length === 0, text, problems });

function codesOf(chapters: readonly Chapter[]): string[] {
  return chapters.flatMap((chapter) => chapter.events.filter((one) => one.main).map((one) => one.event.code));
}

function checkLife(chapters: readonly Chapter[], { life }: Visitor): Check {
  const own = chapters.filter((chapter) => chapter.visitor.life === life);
  const codes = codesOf(own);
  const problems: string[] = [];
  for (let index = 0; index < Math.max(codes.length, life.expected.length); index++) {
    const [expected, got] = [life.expected[index], codes[index]];
    if (expected !== got)
      problems.push(`event ${index + 1} of ${life.name}: expected ${expected ?? 'nothing'}, got ${got ?? 'nothing'}`);
  }
  return check(`${life.name}: ${codes.length} main events in order (${life.story})`, problems);
}

function checkTen(chapters: readonly Chapter[]): Check {
  const accepted = new Set(
    chapters.flatMap(({ events }) =>
      events.filter((one) => one.collected.some((entry) => entry.outcome === 'accepted')).map((one) => one.event.code),
    ),
  );
  const missing = MAIN_EVENTS.filter((code) => !accepted.has(code));
  const count = missing.length === 0 ? 'all ten' : `only ${MAIN_EVENTS.length - missing.length} of the ten`;
  return check(
    `${count} main events accepted by AT Internet`,
    missing.map((code) => `${code} was not accepted`),
  );
}

function checkExcluded(chapters: readonly Chapter[]): Check {
  const entries = chapters.flatMap(({ events }) => events.flatMap((one) => one.collected));
  const excluded = entries.filter((entry) => entry.outcome !== 'accepted');
  return check(
    `${entries.length} received, ${excluded.length} excluded`,
    excluded.map((entry) => `${entry.name} was ${entry.outcome}: ${entry.cause}`),
  );
}

function checkVisitors(chapters: readonly Chapter[]): Check {
  const problems: string[] = [];
  for (const { visitor, events } of chapters) {
    for (const { event, main, delivery, collected } of events) {
      if (!main) continue;
      const what = `${event.code} of ${visitor.life.name}`;
      if (collected.length !== 1 && delivery?.ambiguous !== true)
        problems.push(`${what} was received ${collected.length} times`);
      // Read by visitor: an event of his that is not there went to somebody else, or nowhere.
      if (delivery && delivery.clientId !== visitor.clientId)
        problems.push(`${what} was sent as visitor ${delivery.clientId ?? 'none'} instead of ${visitor.clientId}`);
      if (event.attributes.user_id !== visitor.userId)
        problems.push(`${what} belongs to ${String(event.attributes.user_id)} instead of ${visitor.userId}`);
    }
  }
  return check('every event once, on the right visitor', problems);
}

/** AT Internet must have seen each visitor's events in the order in which Pianola made them. */
function checkOrder(received: ReadonlyMap<Visitor, readonly string[]>, chapters: readonly Chapter[]): Check {
  const problems: string[] = [];
  for (const [visitor, eventIds] of received) {
    const made = chapters
      .filter((chapter) => chapter.visitor === visitor)
      .flatMap(({ events }) => events.filter((one) => one.main).map((one) => one.event.eventId));
    const first = eventIds.filter((id, index) => eventIds.indexOf(id) === index);
    if (first.join() !== made.join())
      problems.push(`AT Internet received ${visitor.life.name}’s events in another order`);
  }
  return check('received in the order in which they happened', problems);
}

/** `received`: event ids as the collector's journal has them, by visitor. */
export function judge(
  chapters: readonly Chapter[],
  visitors: readonly Visitor[],
  received: ReadonlyMap<Visitor, readonly string[]>,
): Check[] {
  return [
    ...visitors.map((visitor) => checkLife(chapters, visitor)),
    checkTen(chapters),
    checkExcluded(chapters),
    checkVisitors(chapters),
    checkOrder(received, chapters),
  ];
}
