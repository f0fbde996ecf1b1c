/**
 * The control routes' router: a few dozen routes, JSON in and out, over node:http. The collector's hot path does not pass through it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Problem } from './problem.ts';

export interface Call {
  method: string;
  path: string;
  /** Decoded values of the route's `{name}` segments. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  /** Parsed JSON body; an empty body is `{}`. */
  body(): Promise<unknown>;
  /** Aborted when the caller goes away before the answer. */
  gone: AbortSignal;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  text?: string;
  bytes?: Uint8Array;
}

export type Answer = (call: Call) => Reply | Promise<Reply>;

interface Route {
  method: string;
  segments: string[];
  answer: Answer;
}

const BODY_LIMIT = 4 * 1024 * 1024;

export async function readBody(request: IncomingMessage, limit = BODY_LIMIT): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Problem(413, 'request_too_large', 'The body is too large.', 'Send less at once.');
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new Problem(400, 'request_invalid', 'The body is not JSON.', 'Send a JSON object.');
  }
}

function send(response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const body = reply.bytes ?? reply.text ?? (reply.json === undefined ? '' : JSON.stringify(reply.json));
  const type = reply.bytes ? 'application/octet-stream' : reply.text === undefined ? 'application/json' : 'text/plain';
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  response.writeHead(reply.status ?? 200, { 'content-type': type, ...length, ...reply.headers });
  response.end(body);
}

function refusal(error: unknown): Reply {
  if (error instanceof Problem) return { status: error.status, json: error.toJSON() };
  console.error(error);
  const fix = 'Look at the error output of the simulator.';
  return { status: 500, json: { code: 'internal', message: 'Something went wrong in the simulator.', fix } };
}

export class Router {
  readonly #routes: Route[] = [];

  /** `path` such as `/apple/subscribers/{id}/{action}`. The first route added that fits wins. */
  add(method: string, path: string, answer: Answer): this {
    this.#routes.push({ method, segments: path.split('/').slice(1), answer });
    return this;
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.#answer(request, response).then(
      (reply) => send(response, reply),
      (error: unknown) => send(response, refusal(error)),
    );
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<Reply> {
    const url = new URL(request.url ?? '/', 'http://simulator');
    const segments = url.pathname.split('/').slice(1);
    const fitting = this.#routes.filter((route) => fits(route.segments, segments));
    const route = fitting.find((candidate) => candidate.method === request.method);
    if (!route) {
      const fix = fitting.length ? `Use ${fitting.map((one) => one.method).join(' or ')}.` : 'See simulator/README.md.';
      const status = fitting.length ? 405 : 404;
      throw new Problem(status, 'not_found', `There is no ${request.method} ${url.pathname} here.`, fix);
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    return route.answer({
      method: request.method as string,
      path: url.pathname,
      params: paramsOf(route.segments, segments),
      query: url.searchParams,
      headers: request.headers,
      body: async () => parse(await readBody(request)),
      gone: gone.signal,
    });
  }
}

const isParam = (segment: string): boolean => segment.startsWith('{');

function fits(pattern: string[], segments: string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => (isParam(part) ? segments[index] !== '' : part === segments[index]))
  );
}

function paramsOf(pattern: string[], segments: string[]): Record<string, string> {
  const params: Record<string, string> = {};
  pattern.forEach((part, index) => {
    if (isParam(part)) params[part.slice(1, -1)] = decode(segments[index] as string);
  });
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(400, 'request_invalid', 'The address is not properly encoded.', 'Percent-encode it as UTF-8.');
  }
}

export interface Listener {
  /** `http://127.0.0.1:<port>` */
  url: string;
  close(): Promise<void>;
}

/** Port 0 takes a free one. Loopback only: nobody outside this machine may script a store. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
): Promise<Listener> {
  const server: Server = createServer(handle);
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
