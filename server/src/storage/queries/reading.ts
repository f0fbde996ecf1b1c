/**
 * How lists are read: a page after a cursor, in the order of an index, with one statement per combination of filters, so that
 * each gets a plan of its own. `$n is null or …` would share one plan that fits none of them. The texts are constant; only which
 * of them are joined depends on the call.
 */
import { type Statement, statement } from '../pool.ts';

export type Order = 'asc' | 'desc';

export interface Clause {
  name: string;
  /** With `?` for each value. */
  text: string;
  values: readonly unknown[];
}

const prepared = new Map<string, Statement>();

/** None when a value is undefined: that filter is not asked for. */
export function clause(name: string, text: string, ...values: readonly unknown[]): Clause[] {
  return values.includes(undefined) ? [] : [{ name, text, values }];
}

/** `text` holds `$where` and its own parameters, which come first. */
export function composed(
  name: string,
  text: string,
  own: readonly unknown[],
  clauses: readonly Clause[],
): [Statement, unknown[]] {
  const id = [name, ...clauses.map((one) => one.name)].join('_');
  let found = prepared.get(id);
  if (found === undefined) {
    let next = own.length;
    const where = clauses.map((one) => ` and ${one.text.replaceAll('?', () => `$${++next}`)}`).join('');
    found = statement(
      id,
      text.replace('$where', () => where),
    );
    prepared.set(id, found);
  }
  return [found, [...own, ...clauses.flatMap((one) => one.values)]];
}
