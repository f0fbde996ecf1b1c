/** Lengths of time as App Store Connect knows them, and Apple's accelerated sandbox. */
import type { AppleEnvironment } from './notification.ts';

/** ISO 8601, one unit. */
export const PERIODS = ['P3D', 'P1W', 'P2W', 'P1M', 'P2M', 'P3M', 'P6M', 'P1Y'] as const;
export type Period = (typeof PERIODS)[number];

const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Apple: in the sandbox a week renews after 3 minutes, a month after 5, two after 10 … a year after 60. */
const SANDBOX_MINUTES: Record<Period, number> = {
  P3D: 2,
  P1W: 3,
  P2W: 4,
  P1M: 5,
  P2M: 10,
  P3M: 15,
  P6M: 30,
  P1Y: 60,
};
/** A month of 30 days in 5 minutes. */
const SANDBOX_DAY_MS = (5 * MINUTE_MS) / 30;
/** Apple: up to 12 renewals in the sandbox, then auto-renew goes off by itself. */
export const SANDBOX_RENEWALS = 12;

export type Speed = 'real' | 'sandbox';

/** End of a period that begins at `start` (epoch ms). Months end on the same day, or on the last one of a shorter month. */
export function endOf(start: number, period: Period, speed: Speed): number {
  if (speed === 'sandbox') return start + SANDBOX_MINUTES[period] * MINUTE_MS;
  const count = Number(period[1]);
  if (period.endsWith('D')) return start + count * DAY_MS;
  if (period.endsWith('W')) return start + count * 7 * DAY_MS;
  return addMonths(start, period.endsWith('Y') ? 12 * count : count);
}

/** Days of grace, retry and extension shrink with the renewal speed. */
export function days(count: number, speed: Speed): number {
  return count * (speed === 'sandbox' ? SANDBOX_DAY_MS : DAY_MS);
}

export function speedOf(environment: AppleEnvironment, accelerated: boolean): Speed {
  return environment === 'Sandbox' && accelerated ? 'sandbox' : 'real';
}

function addMonths(start: number, months: number): number {
  const date = new Date(start);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}
