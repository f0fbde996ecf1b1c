/**
 * Stands in for AT Internet's collection servers. The hot path is plain node:http: it serves benches of thousands of requests a second
 * beside the server under test. Requests are judged in two stages: the request (`request.ts`), then each event (`acceptance.ts`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkName, checkRequest, type Exclusion } from './acceptance.ts';
import { type Case, type CollectorConfig, DEFAULT_CONFIG } from './config.ts';
import { type Fault, strike } from './faults.ts';
import { Journal, type Received } from './journal.ts';
import { Model, type ModelDocument } from './model.ts';
import {
  BODY_LIMIT,
  EVENT_LIMIT,
  isSite,
  type RawEvent,
  readEvents,
  readTarget,
  statusOf,
  type Target,
  visitorCookies,
  visitorOfCookie,
} from './request.ts';

/** A sender that goes on beyond this is cut off. */
const READ_LIMIT = 16 * BODY_LIMIT;
/** Web trackers send from any page. */
const OPEN = { 'access-control-allow-origin': '*' };
const PREFLIGHT = {
  ...OPEN,
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': '*',
  'access-control-max-age': '86400',
};
/** The smallest transparent picture. */
const GIF = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');

export class Collector {
  config: CollectorConfig = DEFAULT_CONFIG;
  model = new Model({ events: [], properties: [] });
  faults: Fault[] = [];
  readonly journal = new Journal(DEFAULT_CONFIG.journalLimit, DEFAULT_CONFIG.repeatMemory);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  configure(config: CollectorConfig): void {
    this.config = config;
    this.journal.resize(config.journalLimit, config.repeatMemory);
  }

  declare(document: ModelDocument): void {
    this.model = new Model(document);
  }

  /** Answers every address that does not begin with `/__`. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const target = readTarget(request.url ?? '/');
    if (request.method === 'OPTIONS') return end(response, 204, PREFLIGHT);
    if (!target) return end(response, 404);
    if (request.method === 'GET') return this.#take(request, response, target, target.events ?? '', 0);
    if (request.method !== 'POST') return end(response, 405, { allow: 'GET, POST, OPTIONS' });
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > READ_LIMIT) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      this.#take(request, response, target, bytes.toString(), size);
    });
  };

  #take(request: IncomingMessage, response: ServerResponse, target: Target, body: string, size: number): void {
    const slim = this.config.journalKeep === 'slim';
    const received: Received = {
      method: request.method as string,
      url: request.url as string,
      rawHeaders: slim ? [] : request.rawHeaders,
      body: slim ? '' : body,
      status: 204,
      site: target.site,
      idclient: target.idclient || this.#cookie(request),
      at: this.#now(),
      model: this.model,
      config: this.config,
      flags: [],
    };
    this.journal.countRequest();
    if (!isSite(target.site)) return this.#reject(response, received, 'site_missing');
    if (received.idclient === '') return this.#reject(response, received, 'visitor_missing');
    const events = readEvents(body, received.method === 'GET');
    if (!events) return this.#reject(response, received, 'invalid_body');
    const warnings = [
      ...(size > BODY_LIMIT ? ['body_too_large'] : []),
      ...(events.length > EVENT_LIMIT ? ['too_many_events'] : []),
    ];
    if (warnings.length > 0) {
      received.flags = warnings;
      if (statusOf('too_large', this.config) >= 400) return this.#reject(response, received, 'too_large');
    }
    if (this.faults.length > 0) {
      const path = (request.url as string).split('?', 1)[0] as string;
      const fault = strike(
        this.faults,
        { site: received.site, idclient: received.idclient, path: path.slice(1) },
        events,
      );
      if (fault) return this.#fail(fault, request, response, received, events);
    }
    this.#record(request, received, events);
    this.#succeed(response);
  }

  /** A visitor known by cookie counts; `strict` wants the id in the address. */
  #cookie(request: IncomingMessage): string {
    return this.config.mode === 'strict' ? '' : (visitorOfCookie(request.headers.cookie) ?? '');
  }

  #record(request: IncomingMessage, received: Received, events: readonly RawEvent[]): void {
    const { host = '', 'user-agent': userAgent = '' } = request.headers;
    const whole = checkRequest({ site: received.site, host, userAgent, idclient: received.idclient }, this.config);
    for (let index = 0; index < events.length; index++) {
      const { name, data } = events[index] as RawEvent;
      const exclusion: Exclusion | null = whole ?? checkName(name, this.model, this.config, received.at);
      const id = data[this.config.eventIdKey];
      const eventId = typeof id === 'string' ? id : null;
      this.journal.add({ received, index, name, eventId, outcome: exclusion ? 'excluded' : 'accepted', exclusion });
    }
  }

  #reject(response: ServerResponse, received: Received, cause: Case): void {
    received.status = statusOf(cause, this.config);
    const exclusion: Exclusion = { type: 'technical', cause };
    this.journal.add({ received, index: -1, name: '', eventId: null, outcome: 'rejected', exclusion });
    if (received.status === 302)
      end(response, 302, { ...OPEN, location: received.url, 'set-cookie': visitorCookies() });
    else end(response, received.status, OPEN);
  }

  #succeed(response: ServerResponse): void {
    const { successReply } = this.config;
    if (successReply === '204') return end(response, 204, OPEN);
    if (successReply === '200-empty') return end(response, 200, OPEN);
    response.writeHead(200, { ...OPEN, 'content-type': 'image/gif', 'content-length': GIF.length });
    response.end(GIF);
  }

  #fail(
    fault: Fault,
    request: IncomingMessage,
    response: ServerResponse,
    received: Received,
    events: RawEvent[],
  ): void {
    received.flags = [...received.flags, `fault_${fault.action}`];
    received.status = fault.action === 'status' ? fault.status : fault.action === 'delay' ? 204 : 0;
    if (fault.record) this.#record(request, received, events);
    if (fault.action === 'status') end(response, fault.status, fault.headers);
    else if (fault.action === 'delay') setTimeout(() => this.#succeed(response), fault.ms);
    else if (fault.action !== 'hang') request.socket.resetAndDestroy();
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string | string[]> = {}): void {
  response.writeHead(status, status === 204 || status === 304 ? headers : { ...headers, 'content-length': '0' });
  response.end();
}
