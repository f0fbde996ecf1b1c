import { expect, test } from 'vitest';
import { type Life, LIFE_EVENTS, LIFE_STEPS, makeLife } from './lives.ts';

const NOW = Date.UTC(2026, 0, 1);
/** Not a signature: the payload as it is. */
const plain = (payload: object) => JSON.stringify(payload);

interface Payload {
  notificationType: string;
  signedDate: number;
  data: { signedTransactionInfo: string };
}
const payloads = (life: Life) =>
  life.notices.map(({ body }) => JSON.parse((JSON.parse(body) as { signedPayload: string }).signedPayload) as Payload);

test('a life is one chain of notifications, signed in order and never in the future', () => {
  const life = makeLife(plain, 3, NOW);
  const own = payloads(life);
  expect(own.map((payload) => payload.notificationType)).toEqual(LIFE_STEPS.map((step) => step.type));
  expect(own.every((payload, index) => index === 0 || payload.signedDate > own[index - 1]!.signedDate)).toBe(true);
  expect(own.every((payload) => payload.signedDate <= NOW)).toBe(true);
  const transactions = own.map((payload) => JSON.parse(payload.data.signedTransactionInfo) as Record<string, unknown>);
  expect(new Set(transactions.map((transaction) => transaction['originalTransactionId']))).toEqual(
    new Set([life.originalTransactionId]),
  );
  expect(new Set(transactions.map((transaction) => transaction['appAccountToken']))).toEqual(
    new Set([life.anonymousId]),
  );
  expect(LIFE_EVENTS).toHaveLength(15);
});

test('lives do not share transactions, people or notifications', () => {
  const [one, two] = [makeLife(plain, 1, NOW), makeLife(plain, 2, NOW)];
  expect(one.originalTransactionId).not.toBe(two.originalTransactionId);
  expect(one.anonymousId).not.toBe(two.anonymousId);
  expect(one.notices.map((notice) => notice.uuid)).not.toEqual(two.notices.map((notice) => notice.uuid));
});
