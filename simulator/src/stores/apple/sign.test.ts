import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Authority,
  createAuthority,
  derOf,
  INTERMEDIATE_MARK,
  LEAF_MARK,
  LONG_WINDOW,
  mintLeaf,
  rotateLeaf,
} from './authority.ts';
import { chainOf, createSigner } from './sign.ts';

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority();
});

/** DER of an OID of ours, as it must appear inside a certificate. */
const MARKS: Record<string, string> = {
  [INTERMEDIATE_MARK]: '060a2a864886f76364060201',
  [LEAF_MARK]: '060a2a864886f76364060b01',
};

describe('authority', () => {
  it('makes a chain that OpenSSL accepts, with the marks where Apple has them', () => {
    const root = new X509Certificate(derOf(authority.root));
    const intermediate = new X509Certificate(derOf(authority.intermediate));
    const leaf = new X509Certificate(derOf(authority.leaf));
    expect(root.verify(root.publicKey)).toBe(true);
    expect(intermediate.verify(root.publicKey) && intermediate.checkIssued(root)).toBe(true);
    expect(leaf.verify(intermediate.publicKey) && leaf.checkIssued(intermediate)).toBe(true);
    expect([root.ca, intermediate.ca, leaf.ca]).toEqual([true, true, false]);
    expect(intermediate.raw.toString('hex')).toContain(MARKS[INTERMEDIATE_MARK]);
    expect(intermediate.raw.toString('hex')).not.toContain(MARKS[LEAF_MARK]);
    expect(leaf.raw.toString('hex')).toContain(MARKS[LEAF_MARK]);
    expect(leaf.raw.toString('hex')).not.toContain(MARKS[INTERMEDIATE_MARK]);
    expect(root.publicKey.asymmetricKeyDetails?.namedCurve).toBe('secp384r1');
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(Date.parse(leaf.validFrom)).toBe(LONG_WINDOW.from);
    expect(Date.parse(leaf.validTo)).toBe(LONG_WINDOW.to);
  });

  it('survives JSON and still issues', async () => {
    const restored = JSON.parse(JSON.stringify(authority)) as Authority;
    const leaf = new X509Certificate(derOf(await mintLeaf(restored.intermediate)));
    expect(leaf.verify(new X509Certificate(authority.intermediate.certificate).publicKey)).toBe(true);
  });

  it('rotates the leaf under the same intermediate', async () => {
    const rotated = await rotateLeaf(authority);
    expect(rotated.leaf.certificate).not.toBe(authority.leaf.certificate);
    expect(chainOf(rotated).slice(1)).toEqual(chainOf(authority).slice(1));
  });
});

describe('sign', () => {
  it('gives a compact JWS whose raw signature holds over header and payload', () => {
    const jws = createSigner(authority)({ hello: 'wörld', signedDate: 1 });
    const [header, payload, signature] = jws.split('.') as [string, string, string];
    const decoded = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string; x5c: string[] };
    expect(decoded).toEqual({ alg: 'ES256', x5c: chainOf(authority) });
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({ hello: 'wörld', signedDate: 1 });
    const raw = Buffer.from(signature, 'base64url');
    expect(raw).toHaveLength(64);
    const key = createPublicKey(authority.leaf.certificate);
    expect(verify('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
  });
});
