/**
 * Signs as the App Store signs: a compact JWS, ES256, with the whole chain in `x5c`. The same form serves the notification, the
 * transaction and the renewal info in it, and every signed string in an answer of the server API.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { type Authority, derOf } from './authority.ts';

/** Payload in, compact JWS out. */
export type Signer = (payload: object) => string;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The `x5c` of a chain: leaf, intermediate, root; standard base64 of the DER. */
export function chainOf(authority: Authority): [string, string, string] {
  const [leaf, intermediate, root] = [authority.leaf, authority.intermediate, authority.root].map((identity) =>
    derOf(identity).toString('base64'),
  ) as [string, string, string];
  return [leaf, intermediate, root];
}

/** Key and header are prepared once, so that one call costs a signature and a `JSON.stringify`. */
export function createSigner(authority: Authority): Signer {
  const key = createPrivateKey(authority.leaf.privateKey);
  const header = encode({ alg: 'ES256', x5c: chainOf(authority) });
  return (payload) => {
    const input = `${header}.${encode(payload)}`;
    // JWS wants the raw r‖s of 64 bytes, not the DER form (RFC 7518 §3.4).
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };
}
