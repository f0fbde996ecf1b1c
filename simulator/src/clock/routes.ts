/** `/__clock`, the same on both listeners. */
import { choice, integer, object, optionalInteger } from '../http/fields.ts';
import { invalid } from '../http/problem.ts';
import type { Router } from '../http/router.ts';
import { CLOCK_MODES } from './clock.ts';
import type { Timeline } from './timeline.ts';

/** The end of the years a JavaScript date knows. */
const LATEST = 8_640_000_000_000_000;

export function addClockRoutes(router: Router, timeline: Timeline): void {
  router.add('GET', '/__clock', async ({ query, gone }) => {
    const [after, follower] = [query.get('after'), query.get('follower')];
    if (after !== null) {
      const version = Number(after);
      if (!Number.isInteger(version)) throw invalid('after', 'a version, as the clock gave it');
      await timeline.followers.poll(follower, version, gone);
    }
    return { json: timeline.clock.state() };
  });

  router.add('PUT', '/__clock', async ({ body }) => {
    const fields = object(await body(), 'the body');
    const mode = choice(fields, 'mode', CLOCK_MODES);
    const rate = optionalInteger(fields, 'rate', 1, 10_000_000);
    const now = optionalInteger(fields, 'now', 0, LATEST);
    const change = { mode, ...(rate !== undefined && { rate }) };
    await (now === undefined ? timeline.change(change) : timeline.travel(now, change));
    return { json: timeline.clock.state() };
  });

  router.add('POST', '/__clock/advance', async ({ body }) => {
    const fields = object(await body(), 'the body');
    if ((fields.ms === undefined) === (fields.to === undefined))
      throw invalid('ms or to', 'given, and only one of them');
    if (fields.to !== undefined) {
      await timeline.travel(integer(fields, 'to', 0, LATEST));
    } else {
      const ms = integer(fields, 'ms', 0, LATEST);
      await timeline.travel((now) => now + ms);
    }
    return { json: timeline.clock.state() };
  });
}
