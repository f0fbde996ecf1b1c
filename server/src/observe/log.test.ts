import { expect, test } from 'vitest';
import { createLog, type LogOptions } from './log.ts';
import { readableLine } from './readable.ts';

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    destination: { write: (line) => lines.push(line) },
    ...options,
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') as Record<string, unknown> };
}

test('writes one JSON object a line', () => {
  const { log, lines, last } = capture();
  log.info({ app: 'demo', n: 3 }, 'Stored');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.endsWith('\n')).toBe(true);
  expect(last()).toMatchObject({ level: 'info', msg: 'Stored', app: 'demo', n: 3 });
  expect(last()['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('says nothing below its level', () => {
  const { log, lines } = capture({ level: 'warn' });
  log.info('quiet');
  expect(lines).toHaveLength(0);
});

test('masks secrets in fields, messages, errors and child bindings', () => {
  const { log, lines, last } = capture();
  log.info({ apiKey: 'abc123', nested: { password: 'abc123' } }, 'Bearer abc123');
  log.error({ err: new Error('postgres://u:abc123@h') }, 'failed');
  expect(last()['err']).toMatchObject({ type: 'Error', message: 'postgres://u:[redacted]@h' });
  log.error(new Error('alone Bearer abc123'));
  expect(last()['msg']).toBe('alone Bearer [redacted]');
  log.error({ err: new Error('in fields Bearer abc123') });
  expect(last()['err']).toMatchObject({ type: 'Error' });
  log.child({ token: 'abc123', part: 'worker' }).warn('child');
  expect(last()).toMatchObject({ part: 'worker', token: '[redacted]' });
  expect(lines.join('')).not.toContain('abc123');
});

test('the readable form shows time, level, message, fields and an error', () => {
  const { log, lines } = capture({ format: 'text' });
  log.warn({ app: 'demo', reason: 'no answer', err: new Error('refused') }, 'Destination paused');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d warn {2}Destination paused {2}app=demo {2}reason="no answer"\n {11}refused\n$/,
  );
});

test('a line that is not JSON passes as it is', () => {
  expect(readableLine('plain words')).toBe('plain words\n');
});
