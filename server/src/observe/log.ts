/**
 * The log: one JSON object a line (`time`, `level`, `msg`, fields), or lines for people when a person started us.
 * Secrets are taken out here, in one place, whatever a caller passes.
 */
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { readable } from './readable.ts';
import { redact, redactText } from './redact.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

interface LogMethod {
  (message: string): void;
  /** Fields first, as pino and fastify have it: `log.warn({ shard, err }, 'Lease lost')`. */
  (fields: object, message: string): void;
}

/** What the product's code needs of a log; a pino logger satisfies it, and so does a few lines' test double. */
export interface Log {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
  child(bindings: Record<string, unknown>): Log;
}

export interface LogOptions {
  level: LogLevel;
  /** `json` for machines, `text` for a person at a terminal. */
  format: 'json' | 'text';
  /** Standard output unless given. Receives whole lines with their line feed. */
  destination?: { write(line: string): void };
}

/** Makes the process's log. The result also fits fastify's `loggerInstance`. */
export function createLog(options: LogOptions): Logger & Log {
  const out = options.destination ?? process.stdout;
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: scrub,
      },
      // `redact` has already turned errors into plain objects.
      serializers: { err: (value: unknown) => value },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args.map((arg: unknown) => (typeof arg === 'string' ? redactText(arg) : arg));
          // Without a message pino takes the error's own, which the formatters never see.
          const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
          if (rest.length === 0 && error instanceof Error) rest.push(redactText(error.message));
          method.apply(this, [first, ...rest] as typeof args);
        },
      },
    },
    options.format === 'text' ? readable(out) : out,
  );
  // pino does not run formatters over the bindings of a child; children inherit this method in turn.
  // oxlint-disable-next-line typescript/unbound-method -- called with its `this` below
  const child = log.child;
  log.child = function scrubbed(this: Logger, bindings: object, ...rest: []) {
    return child.call(this, scrub(bindings), ...rest);
  } as typeof log.child;
  return log;
}

/** Swallows everything: for tests and tools. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

function scrub(fields: object): Record<string, unknown> {
  // Only plain objects arrive here; `redact` answers a plain object for those.
  return redact({ ...fields }) as Record<string, unknown>;
}
