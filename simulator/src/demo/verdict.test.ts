import { describe, expect, it } from 'vitest';
import { CAMILLE, type Life, MAIN_EVENTS, NOAH } from './lives.ts';
import { DATA_MODEL } from './model.ts';
import type { Visitor } from './set-up.ts';
import { type Chapter, openPoint } from './story.ts';
import { plain, renderStory } from './table.ts';
import { judge } from './verdict.ts';

const visitorOf = (life: Life, clientId: string): Visitor => ({
  life,
  subscriberId: life.name,
  anonymousUserId: 'a',
  userId: `user-${life.name}`,
  clientId,
});
const camille = visitorOf(CAMILLE, '7F3C9A52-4D1E-4B7A-9C0D-2E5B8A6F1D34');
const noah = visitorOf(NOAH, 'kx8a3n1c0q7zv5mt');

let minute = 0;
/** A notification that brought forth these events, all delivered. */
function chapter(visitor: Visitor, codes: readonly string[]): Chapter {
  const signedDate = Date.UTC(2026, 0, 1, 0, minute++);
  return {
    visitor,
    notification: {
      uuid: 'u',
      type: 'DID_RENEW',
      subtype: null,
      signedDate,
      state: 'delivered',
      content: {},
      attempts: [],
    },
    signal: { id: 's', type: 'DID_RENEW', storeTime: '', state: 'done', reason: null, transactionIds: [] },
    events: codes.map((code) => {
      const eventId = `${visitor.life.name}-${code}-${minute}`;
      const main = (MAIN_EVENTS as readonly string[]).includes(code);
      const collected = {
        name: code,
        idclient: visitor.clientId,
        sub_event_id: eventId,
        outcome: 'accepted',
        cause: null,
      };
      return {
        event: { eventId, code, attributes: { user_id: visitor.userId } },
        main,
        delivery: main ? { state: 'delivered', reason: null, clientId: visitor.clientId, ambiguous: false } : null,
        collected: main ? [collected] : [],
      };
    }),
  };
}

const story = (): Chapter[] => [
  ...CAMILLE.expected.map((code) => chapter(camille, ['ACTIVATE', code])),
  ...NOAH.expected.map((code) => chapter(noah, [code])),
];
const receivedIn = (chapters: Chapter[]) =>
  new Map(
    [camille, noah].map((visitor) => [
      visitor,
      chapters
        .filter((one) => one.visitor === visitor)
        .flatMap((one) => one.events.flatMap((event) => event.collected.map((entry) => entry.sub_event_id))),
    ]),
  );
const problemsOf = (chapters: Chapter[], received = receivedIn(chapters)) =>
  judge(chapters, [camille, noah], received).flatMap((check) => check.problems);

describe('verdict', () => {
  it('finds nothing wrong with the story as it should be', () => {
    const chapters = story();
    const checks = judge(chapters, [camille, noah], receivedIn(chapters));
    expect(checks.every((check) => check.ok)).toBe(true);
    expect(checks.map((check) => check.text)).toContain('16 received, 0 excluded');
    expect(new Set([...CAMILLE.expected, ...NOAH.expected])).toEqual(new Set(MAIN_EVENTS));
  });

  it('notices a missing event and another order', () => {
    const missing = story();
    missing[0]?.events.splice(1, 1);
    expect(problemsOf(missing)).toContain('event 1 of Camille: expected SUBSCRIPTION_STARTED, got TRIAL_STARTED');
    const received = receivedIn(story());
    const chapters = story();
    expect(problemsOf(chapters, received)).toContain('AT Internet received Camille’s events in another order');
  });

  it('notices exclusions, repeats, and the wrong visitor or user', () => {
    const chapters = story();
    const [first, second, third] = chapters.map((one) => one.events[1]);
    Object.assign(first?.collected[0] ?? {}, { outcome: 'excluded', cause: 'Not declared in the Data Model' });
    second?.collected.push({ ...second.collected[0]! });
    third!.delivery!.clientId = noah.clientId;
    third!.event.attributes.user_id = 'somebody';
    const problems = problemsOf(chapters);
    expect(problems).toContain('SUBSCRIPTION_STARTED was excluded: Not declared in the Data Model');
    expect(problems).toContain('TRIAL_STARTED of Camille was received 2 times');
    expect(problems.some((one) => one.startsWith('SUBSCRIPTION_RENEWED of Camille was sent as visitor kx8a'))).toBe(
      true,
    );
    expect(problems.some((one) => one.includes('belongs to somebody'))).toBe(true);
  });

  it('allows a repeat that Pianola marked as possible', () => {
    const chapters = story();
    const [first] = chapters.map((one) => one.events[1]!);
    first!.collected.push({ ...first!.collected[0]! });
    first!.delivery!.ambiguous = true;
    expect(problemsOf(chapters)).toEqual([]);
  });
});

describe('open point', () => {
  it('says what a step still waits for', () => {
    const one = chapter(noah, ['SUBSCRIPTION_STARTED']);
    expect(openPoint(one)).toBeNull();
    expect(openPoint({ ...one, signal: null })).toBe('Noah’s DID_RENEW has not reached Pianola (last attempt: none ).');
    one.events[0]!.delivery = { state: 'held', reason: 'no_client_id', clientId: null, ambiguous: false };
    expect(openPoint(one)).toBe('Noah’s DID_RENEW: SUBSCRIPTION_STARTED is held (no_client_id).');
    one.events[0]!.delivery = null;
    expect(openPoint(one)).toBe('Noah’s DID_RENEW: there is no delivery of SUBSCRIPTION_STARTED.');
  });
});

it('renders an aligned table without colour', () => {
  minute = 0;
  const two = [chapter(camille, ['ACTIVATE', 'SUBSCRIPTION_RENEWED']), chapter(noah, [])];
  expect(renderStory(two, plain)).toMatchInlineSnapshot(`
    "Simulated time    Subscriber  The App Store says  Pianola makes of it     AT Internet  Visitor
    ────────────────  ──────────  ──────────────────  ──────────────────────  ───────────  ─────────
    2026-01-01 00:00  Camille     DID_RENEW             ACTIVATE              –
                                                      ★ SUBSCRIPTION_RENEWED  accepted     7F3C…1D34
    2026-01-01 00:01  Noah        DID_RENEW             no event"
  `);
});

it('declares each main event once, and no property twice', () => {
  expect(DATA_MODEL.events.map((event) => event.name)).toEqual([...MAIN_EVENTS]);
  const keys = DATA_MODEL.properties.map((property) => property.key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.every((key) => /^sub_[a-z0-9_]+$/.test(key) && key.length <= 40)).toBe(true);
});
