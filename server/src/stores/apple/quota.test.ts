import { describe, expect, it } from 'vitest';
import { createQuota } from './quota.ts';

describe('the quota', () => {
  it('lets a minute’s worth through at once, then at half of Apple’s rate', () => {
    const quota = createQuota();
    for (let index = 0; index < 1_500; index++) expect(quota.take(1, 'Production', 0)).toBe(0);
    expect(quota.take(1, 'Production', 0)).toBe(40);
    expect(quota.take(1, 'Production', 20)).toBe(20);
    expect(quota.take(1, 'Production', 40)).toBe(0);
    let taken = 0;
    for (let at = 40; at < 10_040; at += 5) if (quota.take(1, 'Production', at) === 0) taken++;
    expect(taken).toBeGreaterThan(245);
    expect(taken).toBeLessThanOrEqual(250);
  });

  it('is a tenth in the sandbox, and each app has its own', () => {
    const quota = createQuota();
    let taken = 0;
    while (quota.take(1, 'Sandbox', 0) === 0) taken++;
    expect(taken).toBe(150);
    expect(quota.take(1, 'Production', 0)).toBe(0);
    expect(quota.take(2, 'Sandbox', 0)).toBe(0);
    expect(quota.take(1, 'Sandbox', 3_600_000)).toBe(0);
  });
});
