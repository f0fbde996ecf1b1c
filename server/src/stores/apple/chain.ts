/**
 * Trust in a certificate chain: leaf ← intermediate ← a root that is pinned, not merely named like Apple's.
 * A chain is judged once and remembered; its dates are judged at every use, by the caller.
 */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { extensionsOf, INTERMEDIATE_MARK, LEAF_MARK } from './certificate.ts';

/** SHA-256 of Apple Root CA – G3 in DER, as published at https://www.apple.com/certificateauthority/. */
export const APPLE_ROOT_G3 = '63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179';

export interface Validity {
  /** Epoch ms, both ends included. */
  from: number;
  to: number;
}

export interface Chain {
  key: KeyObject;
  /** SHA-256 of the root, hex: trust in it is asked again at every use, since callers trust different extra roots. */
  root: string;
  leaf: Validity;
  issuers: readonly Validity[];
}

/** Standard base64 of the three certificates, leaf first. */
export type X5c = readonly [leaf: string, intermediate: string, root: string];

const CACHE_LIMIT = 64;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const sha256 = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const validityOf = (certificate: X509Certificate): Validity => ({
  from: certificate.validFromDate.getTime(),
  to: certificate.validToDate.getTime(),
});

/** Roots are the same few arrays for the life of the process; hashing them once is enough. */
const fingerprints = new WeakMap<Uint8Array, string>();
function fingerprintOf(root: Uint8Array): string {
  let fingerprint = fingerprints.get(root);
  if (fingerprint === undefined) {
    fingerprint = sha256(root);
    fingerprints.set(root, fingerprint);
  }
  return fingerprint;
}

export function isTrusted(root: string, extraRoots: readonly Uint8Array[]): boolean {
  return root === APPLE_ROOT_G3 || extraRoots.some((extra) => fingerprintOf(extra) === root);
}

function judge(leafDer: Buffer, intermediateDer: Buffer, rootDer: Buffer): Omit<Chain, 'root'> | null {
  const root = new X509Certificate(rootDer);
  const intermediate = new X509Certificate(intermediateDer);
  const leaf = new X509Certificate(leafDer);
  // OpenSSL stops at the end of the certificate; bytes after it would be signed by nobody.
  if (!leaf.raw.equals(leafDer) || !intermediate.raw.equals(intermediateDer)) return null;
  if (!intermediate.ca || !intermediate.checkIssued(root) || !intermediate.verify(root.publicKey)) return null;
  if (!extensionsOf(intermediateDer).has(INTERMEDIATE_MARK)) return null;
  if (leaf.ca || !leaf.checkIssued(intermediate) || !leaf.verify(intermediate.publicKey)) return null;
  if (!extensionsOf(leafDer).has(LEAF_MARK)) return null;
  const key = leaf.publicKey;
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return null;
  return { key, leaf: validityOf(leaf), issuers: [validityOf(intermediate), validityOf(root)] };
}

export interface ChainCache {
  /** The chain, if its root is trusted and each link holds; null otherwise. Dates are not looked at. */
  get(x5c: X5c, extraRoots: readonly Uint8Array[]): Chain | null;
  readonly size: number;
}

/**
 * Keyed by the hash of all three certificates, so that none can lend its trust to another chain. Refusals are not kept: an
 * attacker can make as many as he likes.
 */
export function createChainCache(limit = CACHE_LIMIT): ChainCache {
  const chains = new Map<string, Chain>();
  return {
    get(x5c, extraRoots) {
      if (!x5c.every((text) => BASE64.test(text))) return null;
      const [leafDer, intermediateDer, rootDer] = [
        Buffer.from(x5c[0], 'base64'),
        Buffer.from(x5c[1], 'base64'),
        Buffer.from(x5c[2], 'base64'),
      ];
      const key = sha256(leafDer, intermediateDer, rootDer);
      const known = chains.get(key);
      if (known) {
        if (!isTrusted(known.root, extraRoots)) return null;
        chains.delete(key);
        chains.set(key, known);
        return known;
      }
      const root = sha256(rootDer);
      if (!isTrusted(root, extraRoots)) return null;
      let judged: Omit<Chain, 'root'> | null;
      try {
        judged = judge(leafDer, intermediateDer, rootDer);
      } catch {
        // Not a certificate, or a key OpenSSL refuses.
        return null;
      }
      if (!judged) return null;
      const chain = { ...judged, root };
      chains.set(key, chain);
      if (chains.size > limit) {
        const [oldest] = chains.keys();
        if (oldest !== undefined) chains.delete(oldest);
      }
      return chain;
    },
    get size() {
      return chains.size;
    },
  };
}
