import { hash52 } from '../lib/ids.ts';

/** How ids that come back through a store are compared: UUIDs lose their case on the way, so it never counts (it is shown as first given). */
export function accountKeyOf(given: string): string {
  return given.toLowerCase();
}

/**
 * For advisory locks. A store's account key counts as an owner: whoever looks up or creates what it stands for holds this, so that
 * a signal cannot begin to wait for an owner who is just being made. `accountKey` in lower case.
 */
export function accountLockKey(appId: number, accountKey: string): number {
  return hash52('account', appId, accountKey);
}
