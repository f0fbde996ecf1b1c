import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, rotateLeaf } from '../../../../simulator/src/stores/apple/authority.ts';
import { chainOf, createSigner } from '../../../../simulator/src/stores/apple/sign.ts';
import type { VerifyContext } from '../store.ts';
import {
  accountOf,
  APP_APPLE_ID,
  bodyOf,
  BUNDLE_ID,
  notificationOf,
  renewalOf,
  T0,
  transactionOf,
} from './fixtures/notification.ts';
import { codeOf, DAY, type Door, doorOf, Environment, NOW, segment } from './fixtures/second-opinion.ts';
import { decode, verifyHandIn, verifyNotification } from './verify.ts';

const account = accountOf();

let door: Door;
beforeAll(async () => {
  door = doorOf(await createAuthority());
});

describe('a genuine notification', () => {
  it('is accepted, by Apple’s library too, and read completely', async () => {
    const payload = notificationOf(
      'DID_RENEW',
      {
        subtype: 'BILLING_RECOVERY',
        transaction: transactionOf({ transactionId: '1002', appAccountToken: 'ABC-def' }),
      },
      door.sign,
    );
    const jws = door.sign(payload);
    expect(await door.both(jws)).toBe('ok');
    const verdict = verifyNotification(bodyOf(jws), account, door.context);
    if (!verdict.ok) throw new Error(verdict.code);
    const { payload: content, ...signal } = verdict.signal;
    const uuid = String(payload['notificationUUID']);
    expect(signal).toEqual({
      dedupeKey: `apple:Production:${uuid}`,
      environment: 'PRODUCTION',
      chainId: '1001',
      storeTime: T0 + 2_000,
      order: `00${T0}:${uuid}`,
      accountKey: 'ABC-def',
      transactionIds: ['1002', '1001'],
      type: 'DID_RENEW/BILLING_RECOVERY',
      ignored: null,
    });
    expect(content).toMatchObject({
      status: 1,
      transaction: { webOrderLineItemId: '9001' },
      renewal: { autoRenewStatus: 1 },
    });
  });

  it('decodes from storage to the very same signal', () => {
    const body = bodyOf(door.notification());
    const verdict = verifyNotification(body, account, door.context);
    expect(verdict.ok && verdict.signal).toEqual(decode(body.toString(), 'notification'));
  });

  it('of the sandbox may lack the app id', async () => {
    const parts = {
      transaction: transactionOf({ environment: 'Sandbox' }),
      renewal: renewalOf({ environment: 'Sandbox' }),
      data: { environment: 'Sandbox', appAppleId: undefined },
    };
    const jws = door.notification(parts);
    expect(await door.both(jws, Environment.SANDBOX)).toBe('ok');
    const verdict = verifyNotification(bodyOf(jws), account, door.context);
    expect(verdict.ok && verdict.signal.environment).toBe('SANDBOX');
  });

  it('ignores header fields it has no use for', async () => {
    expect(
      await door.both(
        door.compose(
          { alg: 'ES256', kid: 'x', jku: 'https://evil.example', x5c: chainOf(door.authority) },
          door.payload(),
        ),
      ),
    ).toBe('ok');
  });

  it.each([
    ['summary', { notificationType: 'RENEWAL_EXTENSION', subtype: 'SUMMARY' }, { environment: 'Production' }],
    ['externalPurchaseToken', { notificationType: 'EXTERNAL_PURCHASE_TOKEN' }, { externalPurchaseId: 'abc' }],
    ['appData', { notificationType: 'RESCIND_CONSENT' }, { environment: 'Production' }],
  ])('names its app in %s', async (name, top, subject) => {
    const jws = door.sign({
      ...top,
      notificationUUID: 'u',
      signedDate: T0,
      [name]: { bundleId: BUNDLE_ID, appAppleId: APP_APPLE_ID, ...subject },
    });
    expect(await door.both(jws)).toBe('ok');
    const verdict = verifyNotification(bodyOf(jws), account, door.context);
    expect(verdict.ok && verdict.signal).toMatchObject({
      chainId: null,
      ignored: 'no_event',
      environment: 'PRODUCTION',
    });
  });

  it('with an external purchase id of the sandbox is of the sandbox', async () => {
    const jws = door.sign({
      notificationType: 'EXTERNAL_PURCHASE_TOKEN',
      notificationUUID: 'u',
      signedDate: T0,
      externalPurchaseToken: { bundleId: BUNDLE_ID, externalPurchaseId: 'SANDBOX_1' },
    });
    expect(await door.both(jws, Environment.SANDBOX)).toBe('ok');
  });

  it('of an environment that is off, of type TEST, or of unknown type says why it is ignored', () => {
    const ignored = (jws: string, settings = {}): unknown => {
      const verdict = verifyNotification(bodyOf(jws), accountOf(settings), door.context);
      return verdict.ok ? verdict.signal.ignored : verdict.code;
    };
    const bare = { transaction: null, renewal: null, status: null };
    expect(ignored(door.notification(bare, 'TEST'))).toBe('test');
    expect(ignored(door.notification(bare, 'BRAND_NEW'))).toBe('unknown_type');
    expect(ignored(door.notification(bare, 'METADATA_UPDATE'))).toBe('no_event');
    // Facts decide: with a transaction in it, even an unknown type is applied.
    expect(ignored(door.notification({}, 'BRAND_NEW'))).toBe(null);
    expect(ignored(door.notification(), { environments: ['sandbox'], appAppleId: undefined })).toBe('environment_off');
  });
});

describe('another app, another environment', () => {
  const mismatch = 'store_app_mismatch';

  it('by bundle id, app id, or a production payload without app id', async () => {
    expect(await door.both(door.notification({ data: { bundleId: 'com.example.other' } }))).toBe(mismatch);
    expect(await door.both(door.notification({ data: { bundleId: 'COM.example.pianola' } }))).toBe(mismatch);
    expect(await door.both(door.notification({ data: { bundleId: undefined } }))).toBe(mismatch);
    expect(await door.both(door.notification({ data: { appAppleId: APP_APPLE_ID + 1 } }))).toBe(mismatch);
    expect(await door.both(door.notification({ data: { appAppleId: undefined } }))).toBe(mismatch);
  });

  it('even where no app id is configured, production must name one', () => {
    const settings = { environments: ['sandbox' as const], appAppleId: undefined };
    expect(door.ours(door.notification(), {}, settings)).toBe('ok');
    expect(door.ours(door.notification({ data: { appAppleId: undefined } }), {}, settings)).toBe(mismatch);
  });

  it('inside: the outer signature covers inner strings, so they must speak of the same app', async () => {
    const lax = 'Apple’s library leaves the inner strings to the caller';
    const inner = [
      { transaction: transactionOf({ bundleId: 'com.example.other' }) },
      { transaction: transactionOf({ environment: 'Sandbox' }) },
      { renewal: renewalOf({ environment: 'Sandbox' }) },
    ];
    for (const parts of inner) expect(await door.stricter(lax, door.notification(parts))).toBe(mismatch);
    expect(await door.stricter(lax, door.notification({ data: { signedTransactionInfo: 'no jws' } }))).toBe(
      'store_body_invalid',
    );
    // An inner string that names neither is fine.
    expect(
      await door.both(
        door.notification({ transaction: transactionOf({ bundleId: undefined, environment: undefined }) }),
      ),
    ).toBe('ok');
  });

  it('two apps in one payload are one too many', async () => {
    const jws = door.notification({
      payload: { summary: { bundleId: BUNDLE_ID, appAppleId: APP_APPLE_ID, environment: 'Production' } },
    });
    expect(await door.stricter('Apple’s library looks at the first', jws)).toBe(mismatch);
  });

  it.each(['Xcode', 'LocalTesting', 'production', undefined])('environment %j is refused', async (environment) => {
    const jws = door.notification({ data: { environment }, transaction: null, renewal: null });
    expect(await door.both(jws)).toBe('store_environment_refused');
  });

  it('without any app in it, a payload has no environment', async () => {
    expect(await door.both(door.sign({ notificationType: 'TEST', notificationUUID: 'u', signedDate: T0 }))).toBe(
      'store_environment_refused',
    );
  });

  it('what Xcode signs has one certificate: it is not signed by the App Store at all', () => {
    const jws = door.compose({ alg: 'ES256', x5c: chainOf(door.authority).slice(0, 1) }, door.payload());
    expect(door.ours(jws)).toBe('store_signature_invalid');
  });
});

describe('the body', () => {
  const bodyCode = (body: string | Buffer): string =>
    codeOf(verifyNotification(Buffer.from(body), account, door.context));

  it('is a JSON object with one string, and may have more in it', () => {
    const jws = door.notification();
    expect(bodyCode(`\n{ "signedPayload" : "${jws}" }\n`)).toBe('ok');
    expect(bodyCode(`{"relay":{"signedPayload":"x"},"signedPayload":"${jws}"}`)).toBe('ok');
    expect(bodyCode(`{"signedPayload":"${jws}","signedPayload":"${jws}"}`)).toBe('store_body_invalid');
    expect(bodyCode(`{"signedPayload":"${jws}","signed\\u0050ayload":"${jws}"}`)).toBe('store_body_invalid');
    for (const body of [
      '',
      'null',
      '[]',
      '"x"',
      '{',
      '{}',
      '{"signedPayload":{}}',
      '{"signedPayload":7}',
      '{"signedPayload":""}',
      jws,
    ]) {
      expect(bodyCode(body)).toBe('store_body_invalid');
    }
    for (const text of ['x', '.', '..', 'a.b', 'a.b.c.d', '.b.c', 'a..c', 'ä.b.c']) {
      expect(bodyCode(JSON.stringify({ signedPayload: text }))).toBe('store_signature_invalid');
    }
  });

  it('of 2 MiB is too large', () => {
    expect(bodyCode(Buffer.alloc(2 * 1024 * 1024, 32))).toBe('store_body_too_large');
  });

  it('of random bytes never throws', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48271) % 2147483647) % 256;
    for (let round = 0; round < 200; round++) {
      const noise = Buffer.from(Array.from({ length: 60 }, random));
      expect(bodyCode(noise)).toBe('store_body_invalid');
      expect(
        bodyCode(
          JSON.stringify({
            signedPayload: `${noise.toString('base64url')}.${noise.toString('hex')}.${noise.toString('base64url')}`,
          }),
        ),
      ).toBe('store_signature_invalid');
    }
  });
});

describe('a transaction handed in', () => {
  const handIn = (jws: string, over: Partial<VerifyContext> = {}): string =>
    codeOf(verifyHandIn(jws, account, { ...door.context, ...over }));
  const appleOnHandIn = (jws: string): Promise<string> =>
    door
      .verifier()
      .verifyAndDecodeTransaction(jws)
      .then(
        () => 'ok',
        () => 'refused',
      );

  it('goes through every step itself', async () => {
    const genuine = door.sign(transactionOf());
    expect([handIn(genuine), await appleOnHandIn(genuine)]).toEqual(['ok', 'ok']);
    const [header = '', , signature = ''] = genuine.split('.');
    const forged = [header, segment(transactionOf({ productId: 'lifetime' })), signature].join('.');
    expect([handIn(forged), await appleOnHandIn(forged)]).toEqual(['store_signature_invalid', 'refused']);
    const foreign = door.sign(transactionOf({ bundleId: 'com.example.other' }));
    expect([handIn(foreign), await appleOnHandIn(foreign)]).toEqual(['store_app_mismatch', 'refused']);
    const xcode = door.sign(transactionOf({ environment: 'Xcode' }));
    expect([handIn(xcode), await appleOnHandIn(xcode)]).toEqual(['store_environment_refused', 'refused']);
  });

  it('keeps its identity in storage', () => {
    const jws = door.sign(transactionOf({ appAccountToken: 'T' }));
    const verdict = verifyHandIn(jws, account, door.context);
    expect(verdict.ok && verdict.signal).toEqual(decode(jws, 'sdk'));
    expect(verdict.ok && verdict.signal).toMatchObject({
      dedupeKey: `apple:Production:sha256:${createHash('sha256').update(jws).digest('hex')}`,
      chainId: '1001',
      accountKey: 'T',
      ignored: null,
    });
  });

  it('signed long ago is dated by its signed date, a fresh one by now', async () => {
    const chain = await rotateLeaf(door.authority, { window: { from: NOW - 400 * DAY, to: NOW - 30 * DAY } });
    const signAt = (signedDate: number): string => createSigner(chain)(transactionOf({ signedDate }));
    expect(handIn(signAt(NOW - 40 * DAY))).toBe('ok');
    expect(handIn(signAt(NOW - 20 * DAY))).toBe('store_signature_invalid');
    const justEnded = await rotateLeaf(door.authority, { window: { from: NOW - 400 * DAY, to: NOW - DAY } });
    expect(handIn(createSigner(justEnded)(transactionOf({ signedDate: NOW - 2 * DAY })))).toBe(
      'store_signature_invalid',
    );
  });

  it('must be a transaction: renewal infos and notifications are not', () => {
    expect(handIn(door.sign(renewalOf()))).toBe('store_body_invalid');
    expect(handIn(door.notification())).toBe('store_body_invalid');
  });

  it('may be an app transaction, which concerns no chain', () => {
    const app = { receiptType: 'Production', bundleId: BUNDLE_ID, appAppleId: APP_APPLE_ID, receiptCreationDate: T0 };
    const verdict = verifyHandIn(door.sign(app), account, door.context);
    expect(verdict.ok && verdict.signal).toMatchObject({ chainId: null, ignored: 'no_event' });
    expect(handIn(door.sign({ ...app, appAppleId: 1 }))).toBe('store_app_mismatch');
    expect(handIn(door.sign({ ...app, receiptType: 'Xcode' }))).toBe('store_environment_refused');
  });
});
