/** What a command is: its words, its options, what it says of itself, what it does. */
import type { ParseArgsConfig } from 'node:util';
import type { Config } from '../config.ts';

export type Options = NonNullable<ParseArgsConfig['options']>;

export interface Call {
  config: Config;
  /** Words after the command's own. */
  words: string[];
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  print(line: string): void;
}

export interface Command {
  /** e.g. `key create`. */
  name: string;
  /** Words and options, as in help. */
  usage: string;
  summary: string;
  options?: Options;
  /** @returns the exit code; 0 when nothing is returned. */
  run(call: Call): Promise<number | void>;
}

/** Said to the person at the terminal, without a stack. */
export class UsageError extends Error {}

/** @throws UsageError when it is missing */
export function word(call: Call, index: number, what: string): string {
  const found = call.words[index];
  if (found === undefined) throw new UsageError(`${what} is missing.`);
  return found;
}

export function text(call: Call, option: string): string | undefined {
  const value = call.values[option];
  return typeof value === 'string' ? value : undefined;
}

/** @throws UsageError when it is missing */
export function needed(call: Call, option: string): string {
  const value = text(call, option);
  if (value === undefined) throw new UsageError(`--${option} is missing.`);
  return value;
}

/** Columns as wide as their widest cell. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, index) => Math.max(...all.map((row) => (row[index] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
