/**
 * The load generator: a process of its own, so that its work is not counted as the server's. Takes orders over the channel
 * it was forked with, one at a time: `prepare` makes and signs a set of lives and introduces their people, `send` sends it.
 */
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { introduce } from '../../server/test/harness/provision.ts';
import { makeLife } from '../../server/test/harness/lives.ts';
import type { Authority } from '../../simulator/src/stores/apple/authority.ts';
import { createSigner } from '../../simulator/src/stores/apple/sign.ts';
import { type Pace, type Sent, sendLoad } from './load.ts';

export type Order =
  | { kind: 'prepare'; authorityFile: string; firstLife: number; lives: number; url: string; publicKey: string }
  | { kind: 'send'; url: string; path: string; pace: Pace }
  /** How many have come out at the other end. No answer. */
  | { kind: 'completed'; count: number };

export type Answer =
  | { kind: 'prepared' /** Client id of each life. */; clientIds: string[]; notifications: number; bytes: number }
  | { kind: 'sent'; sent: Sent; seconds: number; cpuSeconds: number }
  | { kind: 'failed'; message: string };

/** In the order they are sent: index = step × lives + life. */
let bodies: string[] = [];
let completed = 0;

const tell = (answer: Answer) => process.send?.(answer);
process.on('message', (order: Order) => {
  if (order.kind === 'completed') {
    completed = order.count;
    return;
  }
  const work = order.kind === 'prepare' ? prepare(order) : send(order);
  work.then(tell, (error: unknown) =>
    tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? '') : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

async function prepare(order: Extract<Order, { kind: 'prepare' }>): Promise<Answer> {
  const sign = createSigner(JSON.parse(readFileSync(order.authorityFile, 'utf8')) as Authority);
  const now = Date.now();
  const lives = Array.from({ length: order.lives }, (_, index) => makeLife(sign, order.firstLife + index, now));
  await introduce(order.url, order.publicKey, lives);
  const steps = lives[0]?.notices.length ?? 0;
  bodies = Array.from({ length: steps }, (_, step) => lives.map((life) => life.notices[step]!.body)).flat();
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  return { kind: 'prepared', clientIds: lives.map((life) => life.clientId), notifications: bodies.length, bytes };
}

async function send(order: Extract<Order, { kind: 'send' }>): Promise<Answer> {
  completed = 0;
  const pool = new Pool(order.url, { connections: 64, pipelining: 1 });
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  try {
    const sent = await sendLoad({
      bodies,
      pace: order.pace,
      completed: () => completed,
      post: async (body) => {
        const response = await pool.request({
          path: order.path,
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        await response.body.dump();
        return response.statusCode;
      },
    });
    const used = process.cpuUsage(cpu);
    return {
      kind: 'sent',
      sent,
      seconds: (performance.now() - startedAt) / 1000,
      cpuSeconds: (used.user + used.system) / 1e6,
    };
  } finally {
    await pool.close();
  }
}
