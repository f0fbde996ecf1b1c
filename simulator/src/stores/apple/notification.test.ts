import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthority, derOf } from './authority.ts';
import { notificationBody, purchaseContent, signNotification, type TransactionPayload } from './notification.ts';
import { createSigner } from './sign.ts';
import { open } from './stage.ts';

const authority = await createAuthority();
const root = new X509Certificate(derOf(authority.root));
const sign = createSigner(authority);
const NOW = Date.UTC(2026, 0, 1);
const options = {
  bundleId: 'com.example.bench',
  appAppleId: 1,
  environment: 'Production' as const,
  productId: 'monthly',
  group: 'g',
  transactionId: '41',
  signedDate: NOW,
  purchaseDate: NOW,
  expiresDate: NOW + 1_000,
  price: 9_990,
  currency: 'EUR',
  storefront: 'FRA',
};

interface Outer {
  notificationType: string;
  notificationUUID: string;
  data: { signedTransactionInfo: string };
}

describe('notification', () => {
  it('holds down to the root, outside and inside', () => {
    const body = JSON.parse(notificationBody(sign, purchaseContent(options))) as { signedPayload: string };
    const outer = open(body.signedPayload, root) as Outer;
    const inner = open(outer.data.signedTransactionInfo, root) as TransactionPayload;
    expect(outer).toMatchObject({ notificationType: 'SUBSCRIBED', subtype: 'INITIAL_BUY' });
    expect(inner).toMatchObject({ transactionId: '41', originalTransactionId: '41', price: 9_990 });
  });

  it('does not hold for another root, or with a changed byte', async () => {
    const { signedPayload } = signNotification(sign, purchaseContent(options));
    const other = new X509Certificate(derOf((await createAuthority()).root));
    expect(() => open(signedPayload, other)).toThrow('does not hold');
    const [header, payload, signature] = signedPayload.split('.') as [string, string, string];
    const changed = Buffer.from(payload, 'base64url').toString().replace('Production', 'Productiom');
    const forged = `${header}.${Buffer.from(changed).toString('base64url')}.${signature}`;
    expect(() => open(forged, root)).toThrow('does not hold');
  });

  it('has no subtype key when there is no subtype', () => {
    const renewal = purchaseContent({ ...options, transactionId: '42', originalTransactionId: '41' });
    const outer = open(signNotification(sign, renewal).signedPayload, root) as Outer;
    expect(outer.notificationType).toBe('DID_RENEW');
    expect(Object.keys(outer)).not.toContain('subtype');
  });

  it('keeps a given uuid, and makes others up', () => {
    const uuid = '6f1d3b5a-0000-4000-8000-000000000001';
    expect(signNotification(sign, { ...purchaseContent(options), uuid }).uuid).toBe(uuid);
    const [one, two] = [1, 2].map(() => signNotification(sign, purchaseContent(options)).uuid);
    expect(one).not.toBe(two);
  });
});
