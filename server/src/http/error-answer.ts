/** Whatever goes wrong becomes one `{ code, message, fix }` with the code's own status. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ERRORS, type ErrorCode, PianolaError } from '../errors.ts';

export const errorBody = z
  .object({
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).describe('Stable; see docs/reference/errors.md.'),
    message: z.string().describe('What is wrong, for people.'),
    fix: z.string().describe('What to do about it.'),
  })
  .meta({ id: 'Error', description: 'Every error answer has this form.' });

/** Sent before the body was read to its end: the connection is of no use afterwards. */
const CLOSES: ReadonlySet<ErrorCode> = new Set(['store_body_too_large', 'store_body_slow', 'request_too_large']);

/** A burst is over soon, or the server is too small; the rate limiter says its own. */
const RETRY_SECONDS = 1;

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toPianolaError(error);
  if (known.status >= 500)
    request.log.error({ err: error, code: known.code, route: request.routeOptions.url }, 'Request failed');
  if (known.code === 'overloaded') reply.header('retry-after', RETRY_SECONDS);
  if (CLOSES.has(known.code)) reply.header('connection', 'close');
  return reply.code(known.status).type('application/json; charset=utf-8').send(known.toJSON());
}

interface Foreign {
  code?: unknown;
  message?: unknown;
  statusCode?: unknown;
  validation?: readonly { instancePath?: string; message?: string }[];
  validationContext?: string;
}

/** Messages of foreign errors are passed on only where they speak about the request; others may hold internals. */
export function toPianolaError(error: unknown): PianolaError {
  if (error instanceof PianolaError) return error;
  const foreign = (typeof error === 'object' && error !== null ? error : {}) as Foreign;
  if (foreign.validation !== undefined)
    return new PianolaError('request_invalid', describeIssues(foreign), { cause: error });
  if (foreign.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new PianolaError('request_too_large', undefined, { cause: error });
  if (isDatabaseAway(foreign)) return new PianolaError('database_unavailable', undefined, { cause: error });
  if (typeof foreign.statusCode === 'number' && foreign.statusCode >= 400 && foreign.statusCode < 500) {
    return new PianolaError(
      'request_invalid',
      typeof foreign.message === 'string' ? `${foreign.message}.`.replace('..', '.') : undefined,
      { cause: error },
    );
  }
  return new PianolaError('internal', undefined, { cause: error });
}

function describeIssues({ validation = [], validationContext }: Foreign): string {
  return validation
    .slice(0, 5)
    .map(({ instancePath = '', message = 'is invalid' }) => {
      const field = instancePath.split('/').filter(Boolean).join('.');
      return `${[validationContext, field].filter(Boolean).join('.')}: ${message}.`;
    })
    .join(' ');
}

/** Connection failures of the driver, and PostgreSQL's own words for "going down", "starting up", "too many" and "broken". */
const AWAY = /^(ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|57P0[1-3]|53300|08\d{3})$/;

function isDatabaseAway({ code, message }: Foreign): boolean {
  if (typeof code === 'string' && AWAY.test(code)) return true;
  return (
    typeof message === 'string' && /^(Connection terminated|timeout exceeded when trying to connect)/.test(message)
  );
}
