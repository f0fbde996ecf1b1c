/**
 * Tolerant reading of what a store signed: a field of another type than expected counts as absent, fields we do not know stay.
 * Apple adds fields and values without notice, and none of them may make a notification fail.
 */
export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON object from text; null for anything else. */
export function parseJson(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : null;
  } catch {
    return null;
  }
}

/** A string that is not empty. */
export function stringAt(object: Json | null | undefined, key: string): string | undefined {
  const value = object?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A finite number. */
export function numberAt(object: Json | null | undefined, key: string): number | undefined {
  const value = object?.[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Epoch milliseconds, whole and positive. */
export function timeAt(object: Json | null | undefined, key: string): number | undefined {
  const value = numberAt(object, key);
  return value !== undefined && value > 0 && value < 8.64e15 ? Math.trunc(value) : undefined;
}

export function objectAt(object: Json | null | undefined, key: string): Json | undefined {
  const value = object?.[key];
  return isJson(value) ? value : undefined;
}
