/** What came out at the other end, put beside what was sent. */
import type { JournalEntry } from '../../server/test/harness/journal.ts';

/**
 * Milliseconds from each notification to the last of its events, for those that came through. `sentAt` is indexed as the load
 * is: step × lives + life. Of each visitor, the n-th first copy belongs to the step whose events it completes.
 */
export function inToOut(
  sentAt: readonly number[],
  clientIds: readonly string[],
  eventsPerStep: readonly number[],
  collected: readonly JournalEntry[],
): number[] {
  const firstCopies = new Map<string, JournalEntry[]>();
  const seen = new Set<string>();
  for (const one of collected) {
    if (seen.has(one.eventId)) continue;
    seen.add(one.eventId);
    const own = firstCopies.get(one.visitor);
    if (own) own.push(one);
    else firstCopies.set(one.visitor, [one]);
  }
  const latencies: number[] = [];
  for (const [life, clientId] of clientIds.entries()) {
    const own = firstCopies.get(clientId) ?? [];
    let last = -1;
    for (const [step, events] of eventsPerStep.entries()) {
      last += events;
      const arrival = own[last];
      const sent = sentAt[step * clientIds.length + life];
      if (arrival && sent !== undefined) latencies.push(arrival.receivedAt - sent);
    }
  }
  return latencies;
}
