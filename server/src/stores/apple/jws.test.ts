import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Authority,
  createAuthority,
  derOf,
  INTERMEDIATE_MARK,
  LEAF_MARK,
  mintIntermediate,
  mintLeaf,
  mintRoot,
  rotateLeaf,
} from '../../../../simulator/src/stores/apple/authority.ts';
import { createSigner } from '../../../../simulator/src/stores/apple/sign.ts';
import { extensionsOf } from './certificate.ts';
import { APPLE_ROOT_G3 } from './chain.ts';
import { T0 } from './fixtures/notification.ts';
import { chainOf, DAY, type Door, doorOf, NOW, segment } from './fixtures/second-opinion.ts';

let door: Door;
beforeAll(async () => {
  door = doorOf(await createAuthority());
});

describe('changed bytes', () => {
  it('anywhere in header, payload or signature are refused', async () => {
    const jws = door.notification();
    const [header = '', payload = '', signature = ''] = jws.split('.');
    const flip = (text: string, at: number): string =>
      text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    expect(await door.both([flip(header, 40), payload, signature].join('.'))).toBe('store_signature_invalid');
    expect(await door.both([header, flip(payload, 20), signature].join('.'))).toBe('store_signature_invalid');
    expect(await door.both([header, payload, flip(signature, 7)].join('.'))).toBe('store_signature_invalid');
    for (const at of [0, 100, 2000, header.length - 1]) {
      expect(door.ours([flip(header, at), payload, signature].join('.'))).toBe('store_signature_invalid');
    }
    for (let at = 0; at < payload.length; at += 97) {
      expect(door.ours([header, flip(payload, at), signature].join('.'))).toBe('store_signature_invalid');
    }
    for (let at = 0; at < signature.length; at++) {
      expect(door.ours([header, payload, flip(signature, at)].join('.'))).toBe('store_signature_invalid');
    }
  });

  it('cannot hide in a second spelling of the same bytes', () => {
    const [header = '', payload = '', signature = ''] = door.notification().split('.');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(signature.slice(-1));
    const respelled = signature.slice(0, -1) + (alphabet[last + 1] ?? '');
    expect(Buffer.from(respelled, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    expect(door.ours([header, payload, respelled].join('.'))).toBe('store_signature_invalid');
    expect(door.ours([header, payload, `${signature}==`].join('.'))).toBe('store_signature_invalid');
    expect(door.ours([header, payload, signature, ''].join('.'))).toBe('store_signature_invalid');
    // A character whose lower byte is the signed one.
    const folded = payload.replace('J', String.fromCharCode(0x100 + 'J'.charCodeAt(0)));
    expect(folded).not.toBe(payload);
    expect(door.ours([header, folded, signature].join('.'))).toBe('store_signature_invalid');
  });

  it('a signature in DER form is refused', async () => {
    const jws = door.compose(
      { alg: 'ES256', x5c: chainOf(door.authority) },
      door.payload(),
      door.authority.leaf.privateKey,
      'der',
    );
    expect(await door.both(jws)).toBe('store_signature_invalid');
  });
});

describe('header tricks', () => {
  it.each(['none', 'HS256', 'RS256', 'ES384', 'es256', 'ES512', ''])('alg %j is refused', async (alg) => {
    expect(await door.both(door.compose({ alg, x5c: chainOf(door.authority) }, door.payload()))).toBe(
      'store_signature_invalid',
    );
  });

  it('no signature at all, or one keyed with the public certificate, is refused', async () => {
    const x5c = chainOf(door.authority);
    expect(await door.both(`${segment({ alg: 'none', x5c })}.${segment(door.payload())}.`)).toBe(
      'store_signature_invalid',
    );
    const input = `${segment({ alg: 'HS256', x5c })}.${segment(door.payload())}`;
    for (const secret of [door.authority.leaf.certificate, Buffer.from(x5c[0], 'base64')]) {
      const mac = createHmac('sha256', secret).update(input).digest('base64url');
      expect(await door.both(`${input}.${mac}`)).toBe('store_signature_invalid');
    }
  });

  it('a key proposed by the header is never used', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const jwk = own.publicKey.export({ format: 'jwk' });
    for (const extra of [
      { jwk },
      { jku: 'https://evil.example/keys' },
      { x5u: 'https://evil.example/chain' },
      { kid: 'evil' },
    ]) {
      expect(
        await door.both(door.compose({ alg: 'ES256', x5c: chainOf(door.authority), ...extra }, door.payload(), pem)),
      ).toBe('store_signature_invalid');
      expect(await door.both(door.compose({ alg: 'ES256', ...extra }, door.payload(), pem))).toBe(
        'store_signature_invalid',
      );
    }
  });

  it('a critical extension is refused', async () => {
    const jws = door.compose({ alg: 'ES256', crit: ['exp'], exp: 1, x5c: chainOf(door.authority) }, door.payload());
    expect(await door.stricter('RFC 7515 §4.1.11: what is critical and not understood must be refused', jws)).toBe(
      'store_signature_invalid',
    );
  });
});

describe('the chain', () => {
  it('has exactly three entries in their order', async () => {
    const [leaf, intermediate, top] = chainOf(door.authority);
    for (const x5c of [
      undefined,
      [],
      [leaf],
      [leaf, intermediate],
      [leaf, intermediate, top, top],
      [intermediate, leaf, top],
      [top, intermediate, leaf],
      [leaf, top, intermediate],
      [leaf, 'not base64!', top],
      [leaf, intermediate.slice(0, 400), top],
    ]) {
      expect(await door.both(door.withChain(x5c))).toBe('store_signature_invalid');
    }
    for (const x5c of [leaf, { 0: leaf, 1: intermediate, 2: top, length: 3 }, [leaf, 7, top]]) {
      expect(door.ours(door.withChain(x5c))).toBe('store_signature_invalid');
    }
  });

  it('is standard base64, without anything after a certificate', async () => {
    const [leaf, intermediate, top] = chainOf(door.authority);
    const lax = 'Apple’s library decodes whatever it is given';
    expect(await door.stricter(lax, door.withChain([`${leaf}\n`, intermediate, top]))).toBe('store_signature_invalid');
    const longer = Buffer.concat([Buffer.from(leaf, 'base64'), Buffer.from([0, 0, 0])]).toString('base64');
    expect(door.ours(door.withChain([longer, intermediate, top]))).toBe('store_signature_invalid');
  });

  it('ends in the pinned root, not in one of that name', async () => {
    expect(await door.both(door.signedBy(await createAuthority()))).toBe('store_signature_invalid');
    const [, , top] = chainOf(door.authority);
    const foreign = await createAuthority();
    const [leaf, intermediate, foreignTop] = chainOf(foreign);
    expect(await door.both(door.withChain([leaf, intermediate, top], foreign.leaf.privateKey))).toBe(
      'store_signature_invalid',
    );
    const [ownLeaf, ownIntermediate] = chainOf(door.authority);
    expect(
      await door.stricter(
        'Apple’s library does not read the third certificate',
        door.withChain([ownLeaf, ownIntermediate, foreignTop]),
      ),
    ).toBe('store_signature_invalid');
  });

  it('trusts an extra root only for callers who do', () => {
    const jws = door.notification();
    expect(door.ours(jws)).toBe('ok');
    expect(door.ours(jws, { extraRoots: [] })).toBe('store_signature_invalid');
    expect(door.ours(jws, { extraRoots: [Buffer.from('another')] })).toBe('store_signature_invalid');
    expect(door.ours(jws)).toBe('ok');
  });

  it('pins Apple’s published root', () => {
    const der = readFileSync(new URL('fixtures/apple-root-ca-g3.der', import.meta.url));
    expect(createHash('sha256').update(der).digest('hex')).toBe(APPLE_ROOT_G3);
  });

  it.each([
    ['leaf without its mark', { leaf: { marks: [] } }],
    ['intermediate without its mark', { intermediate: { marks: [] } }],
    ['leaf with a longer object identifier', { leaf: { marks: [`${LEAF_MARK}.1`] } }],
    ['marks swapped', { leaf: { marks: [INTERMEDIATE_MARK] }, intermediate: { marks: [LEAF_MARK] } }],
    ['intermediate that is no CA', { intermediate: { ca: false } }],
    ['intermediate that is no CA but may sign certificates', { intermediate: { ca: false, certSign: true } }],
  ])('is refused: %s', async (_name, bend) => {
    const intermediate = await mintIntermediate(door.authority.root, 'intermediate' in bend ? bend.intermediate : {});
    const leaf = await mintLeaf(intermediate, 'leaf' in bend ? bend.leaf : {});
    expect(await door.both(door.signedBy({ root: door.authority.root, intermediate, leaf }))).toBe(
      'store_signature_invalid',
    );
  });

  it('is refused when a leaf issues or is a CA, or has another curve', async () => {
    const rogue = await mintLeaf(door.authority.leaf);
    expect(
      await door.both(door.signedBy({ root: door.authority.root, intermediate: door.authority.leaf, leaf: rogue })),
    ).toBe('store_signature_invalid');
    const caLeaf = await mintLeaf(door.authority.intermediate, { ca: true });
    expect(
      await door.stricter('a CA has no business signing data', door.signedBy({ ...door.authority, leaf: caLeaf })),
    ).toBe('store_signature_invalid');
    const wide = await mintLeaf(door.authority.intermediate, { curve: 'P-384' });
    expect(await door.both(door.signedBy({ ...door.authority, leaf: wide }))).toBe('store_signature_invalid');
  });

  it('does not lend its trust to another, even right after a hit', async () => {
    const second = await mintIntermediate(door.authority.root, { name: 'CN=Second Intermediate' });
    const other: Authority = { root: door.authority.root, intermediate: second, leaf: await mintLeaf(second) };
    expect(door.ours(door.signedBy(door.authority))).toBe('ok');
    expect(door.ours(door.signedBy(other))).toBe('ok');
    const [leaf] = chainOf(other);
    const [, intermediate, top] = chainOf(door.authority);
    expect(await door.both(door.withChain([leaf, intermediate, top], other.leaf.privateKey))).toBe(
      'store_signature_invalid',
    );
  });

  it('may be any of a hundred', async () => {
    for (let index = 0; index < 100; index++) {
      const leaf = await mintLeaf(door.authority.intermediate, { name: `CN=Leaf ${index}` });
      expect(door.ours(door.signedBy({ ...door.authority, leaf }))).toBe('ok');
    }
    expect(door.ours(door.signedBy(door.authority))).toBe('ok');
  });
});

describe('dates', () => {
  const leafOf = (from: number, to: number): Promise<Authority> => rotateLeaf(door.authority, { window: { from, to } });
  const signedAt = (chain: Authority, signedDate: number): string =>
    createSigner(chain)({ ...door.payload(), signedDate });

  it('a leaf not yet valid is refused', async () => {
    const chain = await leafOf(NOW + DAY, NOW + 100 * DAY);
    expect(await door.both(signedAt(chain, T0))).toBe('store_signature_invalid');
  });

  it('a leaf that ended 8 days ago is refused live and accepted in history', async () => {
    const jws = signedAt(await leafOf(NOW - 400 * DAY, NOW - 8 * DAY), NOW - 9 * DAY);
    expect(door.ours(jws)).toBe('store_signature_invalid');
    expect(door.ours(jws, { dates: 'history' })).toBe('ok');
    expect(await door.apples(jws)).toBe('ok');
  });

  it('a leaf that ended 6 days ago still counts for what it signed while it was valid', async () => {
    const chain = await leafOf(NOW - 400 * DAY, NOW - 6 * DAY);
    expect(door.ours(signedAt(chain, NOW - 7 * DAY))).toBe('ok');
    expect(door.ours(signedAt(chain, NOW - 5 * DAY))).toBe('store_signature_invalid');
    expect(door.ours(signedAt(chain, NOW - 5 * DAY), { dates: 'history' })).toBe('store_signature_invalid');
    expect(await door.apples(signedAt(chain, NOW - 5 * DAY))).toBe('refused');
  });

  it('are looked at on every use, cached or not', async () => {
    const jws = signedAt(await leafOf(NOW - DAY, NOW + DAY), NOW - 1_000);
    expect(door.ours(jws)).toBe('ok');
    expect(door.ours(jws, { now: NOW + 9 * DAY })).toBe('store_signature_invalid');
    expect(door.ours(jws)).toBe('ok');
  });

  it('of root and intermediate count too', async () => {
    const soon = { window: { from: NOW - 300 * DAY, to: NOW - DAY } };
    const intermediate = await mintIntermediate(door.authority.root, soon);
    const chain = { root: door.authority.root, intermediate, leaf: await mintLeaf(intermediate) };
    expect(door.ours(signedAt(chain, NOW - 2 * DAY))).toBe('store_signature_invalid');
    expect(door.ours(signedAt(chain, NOW - 2 * DAY), { dates: 'history' })).toBe('ok');
    const oldRoot = await mintRoot(soon);
    const old = { root: oldRoot, intermediate: await mintIntermediate(oldRoot), leaf: door.authority.leaf };
    const oldChain = { ...old, leaf: await mintLeaf(old.intermediate) };
    const extraRoots = [derOf(oldChain.root)];
    expect(door.ours(signedAt(oldChain, NOW - 2 * DAY), { extraRoots })).toBe('store_signature_invalid');
    expect(door.ours(signedAt(oldChain, NOW - 2 * DAY), { extraRoots, dates: 'history' })).toBe('ok');
  });

  it('a signed date may be 5 minutes ahead, not 10; without one nothing is accepted', async () => {
    expect(door.ours(signedAt(door.authority, NOW + 4 * 60_000))).toBe('ok');
    const ahead = signedAt(door.authority, NOW + 10 * 60_000);
    expect(await door.stricter('nobody signs in the future; it would jump every queue', ahead)).toBe(
      'store_signature_invalid',
    );
    const undated = door.sign({ ...door.payload(), signedDate: undefined });
    expect(await door.stricter('no date, no way to judge certificates by it', undated)).toBe('store_signature_invalid');
    expect(door.ours(door.sign({ ...door.payload(), signedDate: String(T0) }))).toBe('store_signature_invalid');
  });
});

describe('extensions', () => {
  it('of a certificate cut off anywhere are none', () => {
    const der = derOf(door.authority.leaf);
    expect(extensionsOf(der).size).toBe(5);
    for (let length = 0; length < der.length; length++) expect(extensionsOf(der.subarray(0, length)).size).toBe(0);
  });
});
