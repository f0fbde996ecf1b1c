/** Everything that can happen to a subscriber, by the name the control route knows. */
import { revokeFamily, shareFamily } from './family.ts';
import { crossgrade, downgrade, keepPlan, redeem, upgrade } from './plan-change.ts';
import { buy } from './purchase.ts';
import { declineRefund, extend, raisePrice, refund, requestRefund, reverseRefund } from './refund.ts';
import { cancel, expire, failPayment, recover, renew, uncancel } from './renewal.ts';
import type { Action } from './scene.ts';

export const ACTIONS: Readonly<Record<string, Action>> = {
  buy,
  renew,
  cancel,
  uncancel,
  'fail-payment': failPayment,
  recover,
  expire,
  upgrade,
  downgrade,
  crossgrade,
  'keep-plan': keepPlan,
  redeem,
  refund,
  'reverse-refund': reverseRefund,
  'decline-refund': declineRefund,
  'request-refund': requestRefund,
  extend,
  'raise-price': raisePrice,
  'share-family': shareFamily,
  'revoke-family': revokeFamily,
};
