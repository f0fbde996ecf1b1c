/**
 * A collector that only records: what arrived, in which order, for which visitor. It lives in the test's own process, so it
 * survives whatever is done to the server, and it can lose an answer after having taken the events.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  /** `idclient` as it came. */
  visitor: string;
  eventId: string;
  code: string;
  recordId: string;
  sequence: number;
}

export interface Recorder {
  /** e.g. `http://127.0.0.1:40123`. */
  url: string;
  arrivals: Arrival[];
  /** Cuts the connection instead of answering; asked once per request, after the events were recorded. */
  loseAnswer: () => boolean;
  close(): Promise<void>;
}

interface Body {
  events: { data: Record<string, unknown> }[];
}

export async function startRecorder(): Promise<Recorder> {
  const recorder: Recorder = { url: '', arrivals: [], loseAnswer: () => false, close: async () => {} };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A connection cut while the body is still coming has delivered nothing.
    request.on('error', () => {});
    request.on('end', () => {
      const visitor = new URL(request.url ?? '/', 'http://collector').searchParams.get('idclient') ?? '';
      const { events } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Body;
      for (const { data } of events) {
        recorder.arrivals.push({
          visitor,
          eventId: String(data['sub_event_id']),
          code: String(data['sub_event_name']),
          recordId: String(data['sub_subscription_id']),
          sequence: Number(data['n:sub_event_sequence']),
        });
      }
      if (recorder.loseAnswer()) response.destroy();
      else response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  recorder.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  recorder.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return recorder;
}
