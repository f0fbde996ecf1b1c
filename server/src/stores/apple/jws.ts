/**
 * Apple's signed strings: compact JWS, ES256, the chain in `x5c`. Nothing here trusts what the header proposes: the algorithm
 * is fixed, the key comes from a pinned chain, and `kid`, `jwk`, `jku` and `x5u` are never read.
 */
import { verify } from 'node:crypto';
import { type Chain, createChainCache, isTrusted, type X5c } from './chain.ts';
import { type Json, parseJson, stringAt, timeAt } from './json.ts';

/**
 * When certificates must be valid:
 * `live`: now; a leaf that ended within the last 7 days counts at the signed date (Apple repeats a notification for up to 157 h).
 * `history`: at the signed date. `hand_in`: now for what was signed within the last 7 days, else at the signed date.
 */
export type DateRule = 'live' | 'history' | 'hand_in';

export interface JwsContext {
  /** Epoch ms. */
  now: number;
  dates: DateRule;
  /** DER of extra roots this instance trusts (simulators only). */
  extraRoots: readonly Uint8Array[];
}

export type Opened = { ok: true; payload: Json; signedDate: number } | { ok: false; why: string };

const WEEK = 7 * 24 * 3_600_000;
/** A signed date may run ahead of our clock by so much, ms. */
const AHEAD = 5 * 60_000;

const chains = createChainCache();
/**
 * Header text → its chain, in front of the chain cache: the store repeats one header for months, and reading its 6 KB anew
 * costs a third of the whole verification. Only accepted headers are kept.
 */
const headers = new Map<string, Chain>();
const HEADERS_LIMIT = 64;

const refuse = (why: string): Opened => ({ ok: false, why });

function x5cOf(header: Json): X5c | null {
  const { x5c } = header;
  if (!Array.isArray(x5c) || x5c.length !== 3) return null;
  const [leaf, intermediate, root]: unknown[] = x5c;
  if (typeof leaf !== 'string' || typeof intermediate !== 'string' || typeof root !== 'string') return null;
  return [leaf, intermediate, root];
}

function datesHold(chain: Chain, signedDate: number, { dates, now }: JwsContext): boolean {
  const issuersHold = (at: number): boolean =>
    chain.issuers.every((validity) => at >= validity.from && at <= validity.to);
  const leafHolds = (at: number): boolean => at >= chain.leaf.from && at <= chain.leaf.to;
  const bySignedDate = (): boolean => leafHolds(signedDate) && issuersHold(signedDate);
  if (dates === 'history' || (dates === 'hand_in' && now - signedDate > WEEK)) return bySignedDate();
  if (!issuersHold(now)) return false;
  if (leafHolds(now)) return true;
  return dates === 'live' && now > chain.leaf.to && now - chain.leaf.to < WEEK && bySignedDate();
}

/** When Apple signed it, epoch ms: an app transaction calls that `receiptCreationDate`. */
function signedDateOf(payload: Json): number | undefined {
  return stringAt(payload, 'receiptType') ? timeAt(payload, 'receiptCreationDate') : timeAt(payload, 'signedDate');
}

/** The trusted chain a header names, or why there is none. */
function chainOf(headerText: string, extraRoots: readonly Uint8Array[]): Chain | string {
  const known = headers.get(headerText);
  if (known && isTrusted(known.root, extraRoots)) return known;
  const header = parseJson(Buffer.from(headerText, 'base64url').toString());
  if (!header) return 'header is not a JSON object';
  if (header['alg'] !== 'ES256') return 'algorithm is not ES256';
  if ('crit' in header) return 'header has critical extensions';
  const x5c = x5cOf(header);
  if (!x5c) return 'x5c is not a chain of three';
  const chain = chains.get(x5c, extraRoots);
  if (!chain) return 'certificate chain is not trusted';
  if (headers.size >= HEADERS_LIMIT) headers.clear();
  headers.set(headerText, chain);
  return chain;
}

/**
 * Verifies one signed string through every step; `why` is for our own log, never for an answer.
 * Header and payload need no look at their alphabet: the signature covers their very characters.
 */
export function openJws(jws: string, context: JwsContext): Opened {
  const dot = jws.indexOf('.');
  const end = jws.lastIndexOf('.');
  if (dot < 1 || end - dot < 2 || jws.indexOf('.', dot + 1) !== end) return refuse('not three parts');
  const signatureText = jws.slice(end + 1);
  const signature = Buffer.from(signatureText, 'base64url');
  // 86 characters hold four bits more than 64 bytes need; any but zeros would be a second spelling of the same signature.
  if (signature.length !== 64 || signature.toString('base64url') !== signatureText) {
    return refuse('signature is not 64 bytes of base64url');
  }
  const chain = chainOf(jws.slice(0, dot), context.extraRoots);
  if (typeof chain === 'string') return refuse(chain);
  // UTF-8, not Latin-1: a foreign character must change the bytes, never fold into an ASCII one that was signed.
  const signed = Buffer.from(jws.slice(0, end), 'utf8');
  if (!verify('sha256', signed, { key: chain.key, dsaEncoding: 'ieee-p1363' }, signature)) {
    return refuse('signature does not match');
  }
  const payload = parseJson(Buffer.from(jws.slice(dot + 1, end), 'base64url').toString());
  if (!payload) return refuse('payload is not a JSON object');
  const signedDate = signedDateOf(payload);
  if (signedDate === undefined) return refuse('signed date is missing');
  if (signedDate > context.now + AHEAD) return refuse('signed date is in the future');
  if (!datesHold(chain, signedDate, context)) return refuse('a certificate is outside its dates');
  return { ok: true, payload, signedDate };
}

/** The payload of a signed string whose origin is already proven (by the JWS around it, or before it was stored); null if unreadable. */
export function peekJws(jws: string): Json | null {
  const [, payload, signature] = jws.split('.');
  return payload && signature ? parseJson(Buffer.from(payload, 'base64url').toString()) : null;
}
