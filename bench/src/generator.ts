/** Speaks with the load generator's process: one order, one answer. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Order } from './load-process.ts';

export interface Generator {
  prepare(order: Omit<Extract<Order, { kind: 'prepare' }>, 'kind'>): Promise<Extract<Answer, { kind: 'prepared' }>>;
  send(order: Omit<Extract<Order, { kind: 'send' }>, 'kind'>): Promise<Extract<Answer, { kind: 'sent' }>>;
  completed(count: number): void;
  close(): void;
}

export function startGenerator(): Generator {
  const child: ChildProcess = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)), { stdio: 'inherit' });
  const ask = <K extends Answer['kind']>(order: Order, kind: K) =>
    new Promise<Extract<Answer, { kind: K }>>((resolve, reject) => {
      const gone = () => reject(new Error('the load generator ended'));
      child.once('exit', gone);
      child.once('message', (answer: Answer) => {
        child.off('exit', gone);
        if (answer.kind === kind) resolve(answer as Extract<Answer, { kind: K }>);
        else reject(new Error(answer.kind === 'failed' ? answer.message : `unexpected answer ${answer.kind}`));
      });
      child.send(order);
    });
  return {
    prepare: (order) => ask({ kind: 'prepare', ...order }, 'prepared'),
    send: (order) => ask({ kind: 'send', ...order }, 'sent'),
    completed: (count) => {
      child.send({ kind: 'completed', count } satisfies Order);
    },
    close: () => {
      if (child.connected) child.disconnect();
    },
  };
}
