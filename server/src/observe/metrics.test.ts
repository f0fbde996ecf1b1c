import { expect, test } from 'vitest';
import { METRICS, QUEUES, createMetrics, silentMetrics, type Metrics } from './metrics.ts';

const fresh = () => createMetrics({ version: '0.0.0', processMetrics: false });

/** Every named function once. */
function callAll(metrics: Metrics): void {
  metrics.signalReceived('apple', 'stored');
  metrics.signalRefused('apple', 'store_body_invalid');
  metrics.signalProcessed('apple', 'folded', 'done');
  metrics.eventsEmitted(['ACTIVATE', 'TRIAL_STARTED', 'ACTIVATE']);
  metrics.noted('late_signal');
  metrics.storeRead('apple', 'ok');
  metrics.deliverySettled('delivered', 3);
  metrics.attempt('transient', true);
  metrics.ackSeconds(0.004);
  metrics.attemptSeconds(0.004);
  metrics.inToOutSeconds(0.05);
}

test('counts what it is told', async () => {
  const metrics = fresh();
  callAll(metrics);
  const text = await metrics.text();
  expect(text).toContain('pianola_signals_received_total{store="apple",result="stored"} 1');
  expect(text).toContain('pianola_signals_refused_total{store="apple",code="store_body_invalid"} 1');
  expect(text).toContain('pianola_events_total{code="ACTIVATE"} 2');
  expect(text).toContain('pianola_deliveries_settled_total{state="delivered"} 3');
  expect(text).toContain('pianola_attempts_total{class="transient"} 1');
  expect(text).toContain('pianola_attempts_ambiguous_total 1');
  expect(text).toContain('pianola_ack_seconds_bucket{le="0.005"} 1');
  expect(text).toContain('pianola_build_info{version="0.0.0"} 1');
});

test('exposes exactly the closed list', async () => {
  const metrics = fresh();
  callAll(metrics);
  const names = [...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
  expect(names.toSorted()).toEqual(
    Object.keys(METRICS)
      .map((name) => `pianola_${name}`)
      .toSorted(),
  );
});

test('reads the queues at each scrape, and survives when it cannot', async () => {
  const metrics = fresh();
  let rows = 5;
  metrics.watchQueues(async () => ({ [QUEUES[0]]: rows }));
  expect(await metrics.text()).toContain('pianola_queue_rows{queue="signals_pending"} 5');
  rows = 6;
  expect(await metrics.text()).toContain('pianola_queue_rows{queue="signals_pending"} 6');
  metrics.watchQueues(() => Promise.reject(new Error('down')));
  const text = await metrics.text();
  expect(text).not.toContain('pianola_queue_rows{');
  expect(text).toContain('pianola_build_info');
});

test('two registries do not share counters', async () => {
  const [one, two] = [fresh(), fresh()];
  one.deliverySettled('delivered', 1);
  expect(await two.text()).not.toContain('state="delivered"');
  callAll(silentMetrics);
});

test('process metrics are there by default', async () => {
  expect(await createMetrics({ version: '0.0.0' }).text()).toContain('process_cpu_seconds_total');
});
