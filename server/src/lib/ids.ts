import { createHash, randomBytes } from 'node:crypto';

/** UUID version 7: sorts by time, so that inserts stay at the right edge of an index. `at` is epoch ms. */
export function uuidv7(at: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Math.max(0, Math.floor(at)), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return toUuid(bytes);
}

/** A UUID made from parts, equal wherever it is made (version 8: custom). Parts are joined by LF. */
export function hashUuid(...parts: (string | number)[]): string {
  const bytes = createHash('sha256').update(parts.join('\n')).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return toUuid(bytes);
}

/** 52 bits of a hash: fits a JavaScript number and a PostgreSQL bigint, for locks and lanes. */
export function hash52(...parts: (string | number)[]): number {
  return Number.parseInt(createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 13), 16);
}

function toUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
