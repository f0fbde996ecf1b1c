/** Signals on their way through ingest. */
import { accountKeyOf, accountLockKey } from '../identity/account-key.ts';
import { hash52, hashUuid } from '../lib/ids.ts';
import type { ChainRow } from '../storage/queries/chain.ts';
import type { AccountInForce, App } from '../storage/settings.ts';
import type { SignalKind, Snapshot, StoreDefinition, VerifiedSignal } from '../stores/store.ts';

/** A verified signal with everything needed to store and apply it. */
export interface Incoming {
  app: App;
  definition: StoreDefinition;
  inForce: AccountInForce;
  kind: SignalKind;
  signalId: string;
  /** Epoch ms. */
  receivedAt: number;
  signal: VerifiedSignal;
  snapshot: Snapshot | null;
  /** Owner who handed the purchase in, already authenticated by the SDK or API route. */
  handedInBy: string | null;
  /** Our chain id; null = the signal concerns no chain. */
  chainId: string | null;
}

/** One that is just coming in. */
export interface Arriving extends Incoming {
  /** Exactly as received; UTF-8. */
  body: Uint8Array;
}

/** All signals of one chain that are to be applied together, in order. */
export interface ChainWork {
  /** Null = unknown chain. */
  chain: ChainRow | null;
  incoming: Incoming[];
  /** True once the chain's first signal has had its wait for an owner (ruling: identityWaitMinutes). */
  hasWaited: boolean;
}

export function chainIdOf(
  appId: number,
  store: string,
  signal: Pick<VerifiedSignal, 'environment' | 'chainId'>,
): string | null {
  return signal.chainId === null ? null : hashUuid('chain', appId, store, signal.environment, signal.chainId);
}

export function chainLockKey(appId: number, chainId: string): number {
  return hash52('chain', appId, chainId);
}

export function ownerLockKey(appId: number, ownerId: string): number {
  return hash52('owner', appId, ownerId);
}

/** The account keys these signals carry, as the locks to hold while their owners are looked up. */
export function accountLockKeys(incoming: readonly Incoming[]): number[] {
  return incoming.flatMap(({ app, signal }) =>
    signal.accountKey === null ? [] : [accountLockKey(app.id, accountKeyOf(signal.accountKey))],
  );
}

/** In one chain: time of the store's snapshot, then the store's own tie break. */
export function byStoreOrder(a: Incoming, b: Incoming): number {
  return (
    a.signal.storeTime - b.signal.storeTime ||
    (a.signal.order < b.signal.order ? -1 : a.signal.order > b.signal.order ? 1 : 0)
  );
}
