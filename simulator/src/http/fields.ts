/** Reads JSON objects sent to the control routes; every mismatch is a `request_invalid` that names the field. */
import { invalid } from './problem.ts';

export type Fields = Record<string, unknown>;

export function object(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name, 'a JSON object');
  return value as Fields;
}

export function list(fields: Fields, name: string): unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw invalid(name, 'a list');
  return value;
}

export function text(fields: Fields, name: string): string {
  const value = optionalText(fields, name);
  if (value === undefined) throw invalid(name, 'a text that is not empty');
  return value;
}

export function optionalText(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '') throw invalid(name, 'a text that is not empty');
  return value;
}

export function optionalInteger(fields: Fields, name: string, min: number, max: number): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw invalid(name, `a whole number from ${min} to ${max}`);
  return value;
}

export function integer(fields: Fields, name: string, min: number, max: number): number {
  const value = optionalInteger(fields, name, min, max);
  if (value === undefined) throw invalid(name, `a whole number from ${min} to ${max}`);
  return value;
}

export function optionalBoolean(fields: Fields, name: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw invalid(name, 'true or false');
  return value;
}

export function optionalChoice<Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (!choices.includes(value as Choice)) throw invalid(name, `one of ${choices.join(', ')}`);
  return value as Choice;
}

export function choice<Choice extends string>(fields: Fields, name: string, choices: readonly Choice[]): Choice {
  const value = optionalChoice(fields, name, choices);
  if (value === undefined) throw invalid(name, `one of ${choices.join(', ')}`);
  return value;
}

export function optionalTexts(fields: Fields, name: string): string[] | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || item === ''))
    throw invalid(name, 'a list of texts');
  return value as string[];
}
