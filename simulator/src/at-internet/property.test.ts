import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from './config.ts';
import { Model } from './model.ts';
import { epochOf, type Property, readProperties } from './property.ts';

const model = new Model({
  events: [],
  properties: [
    { key: 'sub_plan', type: 'STRING', status: 'Validated' },
    { key: 'sub_event_sequence', type: 'INTEGER', status: 'Validated' },
    { key: 'sub_amount', type: 'DECIMAL', status: 'Validated' },
    { key: 'sub_next_renewal_at', type: 'DATE', status: 'Validated' },
    { key: 'sub_tags', type: 'ARRAY STRING', status: 'Validated' },
    { key: 'sub_draft', type: 'STRING', status: 'Draft' },
  ],
});

function read(data: Record<string, unknown>, rules = DEFAULT_CONFIG) {
  const result = readProperties(data, model, rules);
  return { ...result, first: result.properties[0] as Property };
}

describe('split', () => {
  it.each([
    ['s:sub_x', 'STRING', 'a'],
    ['n:sub_x', 'INTEGER', 3],
    ['f:sub_x', 'DECIMAL', 3.5],
    ['b:sub_x', 'BOOLEAN', true],
    ['d:sub_x', 'DATE', 1_749_536_000],
    ['a:s:sub_x', 'ARRAY STRING', ['a']],
    ['a:n:sub_x', 'ARRAY INTEGER', [1]],
    ['a:f:sub_x', 'ARRAY DECIMAL', [1.5]],
  ])('%s is %s', (key, type, value) => {
    expect(read({ [key]: value }).first).toMatchObject({ key: 'sub_x', type, value });
  });

  it('knows no other marker', () => {
    expect(read({ 'x:sub_plan': 'a' }).first).toMatchObject({ key: 'x:sub_plan', status: 'bad_marker' });
  });
});

describe('key', () => {
  it('is lower-cased, and that is noted', () => {
    expect(read({ Sub_Plan: 'a' }).first).toMatchObject({ key: 'sub_plan', status: 'stored', notes: ['lower_cased'] });
  });

  it.each(['1st', 'a-b', 'm_visits', 'visit_id', 'x'.repeat(41), ''])('%j is no key', (key) => {
    expect(read({ [key]: 'a' }).first.status).toBe('bad_key');
  });
});

describe('type', () => {
  it('of a bare number is DECIMAL, also of 10', () => {
    expect(read({ sub_amount: 10 }).first).toMatchObject({ type: 'DECIMAL', status: 'stored' });
  });

  it('comes from a date ending, if the value is a date', () => {
    expect(read({ order_date: '2026-01-31' }).first.type).toBe('DATE');
    expect(read({ order_ts: 1_749_536_000 }).first.type).toBe('DATE');
    expect(read({ order_date: 'soon' }).first.type).toBe('STRING');
    // `_at` is no such ending: without its marker a time is a decimal.
    expect(read({ sub_next_renewal_at: 1_749_536_000 }).first).toMatchObject({ type: 'DECIMAL', status: 'unexpected' });
    expect(read({ 'd:sub_next_renewal_at': 1_749_536_000 }).first).toMatchObject({ type: 'DATE', status: 'stored' });
  });

  it('has no null', () => {
    expect(read({ sub_plan: null }).first).toMatchObject({ status: 'dropped', notes: ['no_value'] });
  });
});

describe('dates', () => {
  it('are read in four forms', () => {
    expect(epochOf(1_749_536_000)).toBe(1_749_536_000_000);
    expect(epochOf('20250610')).toBe(Date.UTC(2025, 5, 10));
    expect(epochOf('2025-06-10')).toBe(Date.UTC(2025, 5, 10));
    expect(epochOf('2025-06-10T06:13:20Z')).toBe(1_749_536_000_000);
    expect([epochOf('2025-13-40'), epochOf('10.6.2025'), epochOf(true)]).toEqual([null, null, null]);
  });

  it('in milliseconds are flagged and understood', () => {
    const result = read({ device_timestamp_utc: 1_749_536_000_123 });
    expect(result.flags).toEqual(['timestamp_in_ms']);
    expect(result.deviceTimestamp).toBe(1_749_536_000_123);
  });
});

describe('look-up', () => {
  it('stores what is declared with this type, and only that', () => {
    expect(read({ sub_plan: 'a' }).first.status).toBe('stored');
    expect(read({ 'n:sub_plan': 1 }).first.status).toBe('unexpected');
    expect(read({ sub_draft: 'a' }).first.status).toBe('unexpected');
    expect(read({ sub_other: 'a' }).first.status).toBe('unexpected');
    expect(read({ user_id: 'u' }).first.status).toBe('stored');
  });

  it('lets bare numbers fill standard INTEGER properties, custom ones not', () => {
    expect(read({ cart_quantity: 2 }).first).toMatchObject({ type: 'INTEGER', status: 'stored', notes: ['coerced'] });
    expect(read({ cart_quantity: 2 }, { ...DEFAULT_CONFIG, coerceStandard: false }).first.status).toBe('unexpected');
    expect(read({ sub_event_sequence: 2 }).first.status).toBe('unexpected');
    expect(read({ 'n:sub_event_sequence': 2 }).first.status).toBe('stored');
  });
});

describe('limits', () => {
  const drop = { ...DEFAULT_CONFIG, overLimit: 'drop' as const };

  it('cut or drop long strings, counted in characters', () => {
    const long = '\u{1F3B9}'.repeat(256);
    expect(read({ sub_plan: long }).first).toMatchObject({ value: '\u{1F3B9}'.repeat(255), notes: ['truncated'] });
    expect(read({ sub_plan: long }, drop).first).toMatchObject({ status: 'dropped', notes: ['too_long'] });
  });

  it('cut or drop long arrays', () => {
    const items = Array.from({ length: 21 }, () => 'x');
    expect(read({ 'a:s:sub_tags': items }).first.value).toHaveLength(20);
    expect(read({ 'a:s:sub_tags': items }, drop).first.status).toBe('dropped');
  });

  it('drop numbers out of range', () => {
    expect(read({ 'f:sub_amount': 2e15 }).first).toMatchObject({ status: 'dropped', notes: ['out_of_range'] });
    expect(read({ 'n:sub_event_sequence': 1.5 }).first.status).toBe('dropped');
  });
});

describe('structure', () => {
  it('flattens nested objects and flags them', () => {
    const result = read({ sub: { plan: 'a' } });
    expect(result.first).toMatchObject({ key: 'sub_plan', value: 'a', status: 'stored' });
    expect(result.flags).toEqual(['nested_object']);
  });

  it('gives one row per item of items_list beside the shared root', () => {
    const { properties } = read({ sub_plan: 'a', items_list: [{ product_id: 'p1' }, { product_id: 'p2' }] });
    expect(properties.map(({ key, value, item }) => [key, value, item])).toEqual([
      ['sub_plan', 'a', undefined],
      ['product_id', 'p1', 0],
      ['product_id', 'p2', 1],
    ]);
  });
});
