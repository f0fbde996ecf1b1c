import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { EVENT_CODES } from '../events/catalogue.ts';
import { createIntegrations } from './index.ts';
import type { Answer } from './integration.ts';

const definitions = createIntegrations({ allowPrivateTargets: false });

test('kinds are unique', () => {
  expect(new Set(definitions.map(({ kind }) => kind)).size).toBe(definitions.length);
});

describe.each(definitions.map((definition) => [definition.kind, definition] as const))('%s', (kind, definition) => {
  test('has a kind fit for a URL, and a label', () => {
    expect(kind).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(definition.label).not.toBe('');
  });

  test('has settings that can be drawn as a form: each described, as JSON Schema', () => {
    const schema = z.toJSONSchema(definition.settings, { io: 'input' });
    const fields = Object.entries(schema.properties ?? {});
    expect(fields.length).toBeGreaterThan(0);
    expect(
      fields.filter(([, field]) => !(field as { description?: string }).description).map(([name]) => name),
    ).toEqual([]);
    for (const secret of definition.secretFields) expect(fields.map(([name]) => name)).toContain(secret);
  });

  test('has presets of events that exist', () => {
    for (const codes of Object.values(definition.presets)) {
      expect(codes.length).toBeGreaterThan(0);
      expect(codes.filter((code) => !EVENT_CODES.includes(code))).toEqual([]);
    }
  });

  test('accepts every event code as a name', () => {
    expect(EVENT_CODES.filter((code) => definition.checkName(code)?.level === 'error')).toEqual([]);
  });

  test('gives every answer one outcome, and only a 2xx is success', () => {
    const statuses: Answer[] = Array.from({ length: 500 }, (_, index) => ({
      kind: 'status',
      status: 100 + index,
      headers: {},
    }));
    for (const answer of statuses) {
      const { class: outcome, message } = definition.read(answer, { now: 0 });
      const isOk = answer.kind === 'status' && answer.status >= 200 && answer.status < 300;
      expect([answer, outcome === 'success']).toEqual([answer, isOk]);
      expect(message).not.toBe('');
    }
    for (const bytesWritten of [true, false]) {
      const outcome = definition.read({ kind: 'failure', code: 'ECONNRESET', bytesWritten }, { now: 0 });
      expect(outcome).toMatchObject({ class: 'transient', ambiguous: bytesWritten });
    }
  });

  test('has batch limits', () => {
    expect(definition.batch.maxEvents).toBeGreaterThan(0);
    expect(definition.batch.maxBytes).toBeGreaterThan(0);
  });
});
