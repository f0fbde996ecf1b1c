/** Lists come in pages; a cursor is opaque to callers and says where the page before ended. */
import { z } from 'zod';
import { PianolaError } from '../errors.ts';

export const pageQuery = {
  limit: z.coerce.number<string>().int().min(1).max(200).default(50).describe('Items at most, 1 to 200.'),
  cursor: z.string().max(500).optional().describe('`next` of the page before.'),
};

export const orderQuery = { order: z.enum(['desc', 'asc']).default('desc').describe('Newest first, or oldest first.') };

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Cursor of the next page; null = this is the last.'),
  });
}

/** Reads a cursor made by `page`. @throws PianolaError request_invalid */
export function readCursor<Position>(cursor: string | undefined, shape: z.ZodType<Position>): Position | undefined {
  if (cursor === undefined) return undefined;
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (error) {
    throw new PianolaError('request_invalid', 'query.cursor: is not one of ours.', { cause: error });
  }
}

/** `rows` were read with `limit + 1`: one more than the page shows whether another follows. */
export function page<Row, Item>(
  rows: readonly Row[],
  limit: number,
  position: (row: Row) => unknown,
  item: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    items: shown.map(item),
    next: more ? Buffer.from(JSON.stringify(position(last))).toString('base64url') : null,
  };
}

/** Epoch ms to ISO 8601, as the API shows times. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

export function isoTimeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}
