/** What must hold in every life, told in any order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ATTRIBUTES, attributeName, type AttributeType } from '../events/catalogue.ts';
import type { SubscriptionStatus, UnifiedEvent } from '../events/event.ts';
import { isBefore } from './chain.ts';
import type { Facts } from './fact.ts';
import { type Life, live, OWNER } from './fixtures/life.ts';
import { lives, toldLives } from './fixtures/random-life.ts';
import { remainder } from './ledger.ts';
import { hasAccess, isEnded } from './transitions.ts';

/** Ten seconds or so in all. */
const RUNS = 1000;

function told(signals: readonly Facts[], check?: (life: Life, facts: Facts) => void): Life {
  const life = live();
  for (const facts of signals) {
    life.apply(facts);
    check?.(life, facts);
  }
  return life;
}

/** What is left of a life when the order of its telling is taken away. */
function essence(life: Life) {
  const periods = life.records
    .flatMap((record) => record.periods.map((period) => ({ record, period })))
    .toSorted((a, b) => (isBefore(a.period, b.period) ? -1 : 1));
  const running = periods.at(-1);
  return {
    status: running?.record.status,
    autoRenew: running && !isEnded(running.record.status) ? running.record.autoRenew : null,
    effectiveEndAt: running?.record.effectiveEndAt,
    graceEndAt: running?.record.graceEndAt,
    product: running?.record.productId,
    othersEnded: life.records.every((record) => record === running?.record || isEnded(record.status)),
    ledger: periods.map(({ record, period }) => [period.id, remainder(record, period)]),
    money: life.events
      .filter((event) => event.code === 'TRANSACTION_PROCESSED')
      .map((event) => `${event.eventId} ${String(event.attributes['amount_in_customer_currency'])}`)
      .toSorted(),
  };
}

const shuffled = lives.chain((signals) =>
  fc.tuple(
    fc.constant(signals),
    fc.shuffledSubarray(signals, { minLength: signals.length, maxLength: signals.length }),
  ),
);

describe('a life told in order', () => {
  test('numbers, access, runs, toggles and money hold after each signal', () => {
    fc.assert(
      fc.property(lives, (signals) => {
        const life = told(signals, checkAll);
        expect(life.notes).not.toContain('unpriced_movement');
      }),
      { numRuns: RUNS },
    );
  });

  test('telling anything again, at once or later, changes nothing', () => {
    fc.assert(
      fc.property(lives, fc.nat(), (signals, n) => {
        const again = signals[n % signals.length];
        const life = told(signals, (own, facts) => expect(own.apply(facts)).toEqual([]));
        const state = JSON.stringify(life.records);
        if (again) expect(life.apply(again)).toEqual([]);
        expect(JSON.stringify(life.records)).toBe(state);
      }),
      { numRuns: RUNS / 2 },
    );
  });
});

describe('a life told in any order', () => {
  test('ends in the same state with the same money, and the invariants hold on the way', () => {
    fc.assert(
      fc.property(shuffled, ([signals, mixed]) => {
        const life = told(mixed, checkAlways);
        expect(essence(life)).toEqual(essence(told(signals)));
        // A retention message that came before its chain was known was kept without an event.
        const again = signals.filter((facts) => facts.hint !== 'retention_message');
        for (const facts of again) expect(life.apply(facts)).toEqual([]);
      }),
      { numRuns: RUNS * 2 },
    );
  });
});

describe('a chain first met in mid-life, its history read from the store', () => {
  test('ends in the same state; the money told is that of the signals, whatever the order', () => {
    const met = toldLives.chain(({ signals, histories }) =>
      fc.shuffledSubarray(signals, { minLength: signals.length, maxLength: signals.length }).chain((mixed) =>
        // The answer may be newer than the signal it was asked for.
        fc.nat({ max: 5 }).map((later) => {
          const [first, ...rest] = mixed;
          const read = first ? Math.min(signals.indexOf(first) + later, signals.length - 1) : 0;
          return { signals, mixed: first ? [{ ...first, history: histories[read] ?? [] }, ...rest] : [] };
        }),
      ),
    );
    fc.assert(
      fc.property(met, ({ signals, mixed }) => {
        fc.pre(mixed[0]?.transaction !== undefined && mixed[0].hint !== 'purchase');
        expect(essence(told(mixed, checkAlways))).toEqual(essence(told(signals)));
      }),
      { numRuns: RUNS },
    );
  });
});

/** Holds in any order. */
function checkAlways(life: Life): void {
  const ids = life.events.map((event) => event.eventId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const record of life.records) {
    const events = life.events.filter((event) => event.recordId === record.id);
    expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
    const access = events.findLast((event) => event.code === 'ACTIVATE' || event.code === 'DEACTIVATE');
    if (access)
      expect([record.id, access.code]).toEqual([record.id, hasAccess(record.status) ? 'ACTIVATE' : 'DEACTIVATE']);
    for (const code of ['SUBSCRIPTION_STARTED', 'SUBSCRIPTION_UPGRADED'] as const) {
      expect(events.filter((event) => event.code === code).length).toBeLessThanOrEqual(1);
    }
    const sum = events.reduce((total, event) => total + cents(event.attributes['amount_in_customer_currency']), 0);
    expect(sum).toBe(record.periods.reduce((total, period) => total + remainder(record, period), 0));
    for (const period of record.periods) {
      expect(remainder(record, period)).toBeGreaterThanOrEqual(0);
      expect(remainder(record, period)).toBeLessThanOrEqual(period.price ?? 0);
    }
    // A run ends with its record: after a return, or a refund reversed, renewal starts afresh.
    const toggles = events.filter(
      ({ code, attributes }) =>
        code === 'RENEWAL_DISABLED' ||
        code === 'RENEWAL_ENABLED' ||
        isEnded(attributes['subscription_status'] as SubscriptionStatus),
    );
    for (const [index, event] of toggles.entries()) {
      const before = toggles[index - 1];
      if (before?.code === event.code && event.code.startsWith('RENEWAL_')) throw new Error(`${event.code} twice`);
    }
  }
  expect(life.records.filter((record) => hasAccess(record.status)).length).toBeLessThanOrEqual(1);
  checkGroups(life);
}

const TYPES: ReadonlyMap<string, AttributeType> = new Map(
  ATTRIBUTES.map(({ name, type }) => [attributeName(name, 'EUR'), type] as const),
);

/** Every attribute is declared, of its type, never empty; a date has its twin; money belongs to money events. */
function checkAttributes({ code, attributes, ownerId }: UnifiedEvent): void {
  for (const [name, value] of Object.entries(attributes)) {
    const twin = name.endsWith('_ms');
    const type = TYPES.get(twin ? name.slice(0, -3) : name);
    if (twin ? type !== 'date' || value !== Date.parse(String(attributes[name.slice(0, -3)])) : !isOf(type, value)) {
      throw new Error(`${code}: ${name} = ${String(value)}`);
    }
    if (type === 'date' && !twin && attributes[`${name}_ms`] === undefined) throw new Error(`${name} without twin`);
  }
  const isMoney = code === 'TRANSACTION_PROCESSED';
  expect([attributes['source_event_name'] !== undefined, attributes['amount_in_eur'] !== undefined]).toEqual([
    isMoney,
    isMoney,
  ]);
  expect(attributes['amount_in_eur']).not.toBe(0);
  expect([attributes['user_id'], ownerId]).toEqual([OWNER.userId, OWNER.id]);
}

function isOf(type: AttributeType | undefined, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'decimal':
      return typeof value === 'number' && Math.abs(value * 100 - Math.round(value * 100)) < 1e-6;
    case 'boolean':
      return typeof value === 'boolean';
    case 'date':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
    case 'string':
      return typeof value === 'string' && value !== '';
    case undefined:
      return false;
  }
}

function cents(value: unknown): number {
  return Math.round(Number(value ?? 0) * 100);
}

function checkGroups(life: Life): void {
  const codesOf = (group: number): Set<string> =>
    new Set(life.last.filter((event) => event.group === group).map((event) => event.code));
  for (const event of life.last) {
    checkAttributes(event);
    const codes = codesOf(event.group);
    expect(codes.has('SUBSCRIPTION_EXPIRED')).toBe(codes.has('SUBSCRIPTION_TERMINATED'));
    expect(life.last.filter((other) => other.group === event.group && other.occurredAt !== event.occurredAt)).toEqual(
      [],
    );
  }
}

/** Holds when nothing is late. */
function checkAll(life: Life): void {
  checkAlways(life);
  for (const record of life.records) {
    const events = life.events.filter((event) => event.recordId === record.id);
    const first = events.find((event) => !['ACTIVATE', 'DEACTIVATE'].includes(event.code));
    expect([
      'SUBSCRIPTION_STARTED',
      'SUBSCRIPTION_UPGRADED',
      'SUBSCRIPTION_DOWNGRADED',
      'SUBSCRIPTION_CROSSGRADED',
    ]).toContain(first?.code);
    const next = events.filter(
      (event) => event.code === 'SUBSCRIPTION_RENEWED' || event.code === 'SUBSCRIPTION_REACTIVATED',
    );
    expect(next).toHaveLength(record.periods.length - 1);
  }
  let open: string | null = null;
  for (const { code } of life.events) {
    const [, stem, step] =
      /^(TRIAL|INTRO_OFFER|PROMO_CODE|PROMOTIONAL_OFFER)_(STARTED|CONVERTED|NOT_CONVERTED)$/.exec(code) ?? [];
    if (stem === undefined) continue;
    expect(open).toBe(step === 'STARTED' ? null : stem);
    open = step === 'STARTED' ? stem : null;
  }
  const running = life.records.find((record) => !isEnded(record.status));
  if (!running) expect(open).toBeNull();
}
