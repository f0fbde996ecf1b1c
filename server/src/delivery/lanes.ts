/**
 * What to do with a lane: the longest run of due events, from its first undelivered one on, that may travel in one request.
 *
 * A lane moves from its head only. If the head is not due, whatever stands behind it waits for it. Events that may not be sent
 * (privacy, no client id) leave the lane without an attempt.
 */
import type { Environment, UnifiedEvent } from '../events/event.ts';
import type {
  IntegrationDefinition,
  IntegrationSettings,
  OutgoingRequest,
  Visitor,
} from '../integrations/integration.ts';
import type { SetAside } from '../storage/queries/delivery.ts';
import type { ClaimedRow } from '../storage/queries/delivery-queue.ts';

/** Events of one visitor, encoded: what one request carries. */
export interface Batch {
  lane: number;
  appId: number;
  integrationId: number;
  environment: Environment;
  visitor: Visitor & { clientId: string };
  rows: readonly ClaimedRow[];
  settings: IntegrationSettings;
  definition: IntegrationDefinition;
  request: OutgoingRequest;
}

export interface LanePlan {
  batch: Batch | null;
  setAside: SetAside[];
  /** The head is not due before this; epoch ms. */
  waitUntil: number | null;
}

export interface LaneContext {
  definition: IntegrationDefinition;
  settings: IntegrationSettings;
  now: number;
  version: string;
  /** A probe of a stopped destination does not wait for the event's own next try. */
  probe: boolean;
}

/** @param rows of one lane, in order, beginning with its first undelivered one */
export function planLane(rows: readonly ClaimedRow[], context: LaneContext): LanePlan {
  const { definition, settings, now, probe } = context;
  const head = rows[0]!;
  const plan: LanePlan = { batch: null, setAside: [], waitUntil: null };
  if (head.dueAt > now && !probe) return { ...plan, waitUntil: head.dueAt };

  const run: ClaimedRow[] = [];
  let visitor: Visitor | null = null;
  let limit = definition.batch.maxEvents;
  for (const row of rows) {
    const isElsewhere = row.integrationId !== head.integrationId || row.environment !== head.environment;
    if (isElsewhere || (row.dueAt > now && !probe)) break;
    const seen = visitorOf(row);
    const admission = definition.admit(seen, row.environment, settings);
    if (!admission.send) {
      if (run.length > 0) break;
      const holdUntil = admission.state === 'held' ? row.createdAt + definition.holdMs(settings) : null;
      plan.setAside.push(aside(row, context, admission.state, admission.reason, holdUntil));
      continue;
    }
    if (visitor !== null && seen.clientId !== visitor.clientId) break;
    limit = Math.min(limit, row.batchMax ?? limit);
    if (run.length + 1 > limit) break;
    visitor ??= seen;
    run.push(row);
  }
  // A hold may turn out to be void when it is written; until then nothing overtakes it.
  if (visitor === null || plan.setAside.some((entry) => entry.state === 'held')) return plan;
  return { ...plan, ...encodeRun(run, visitor as Batch['visitor'], context, plan.setAside) };
}

function visitorOf(row: ClaimedRow): Visitor {
  return {
    clientId: row.fixedClientId ?? row.clientId,
    privacyMode: row.privacyMode,
    privacyConsent: row.privacyConsent,
    forwardingRevoked: row.forwardingRevoked,
    erased: row.erased,
    userAgent: row.userAgent,
    address: row.address,
  };
}

function aside(
  row: ClaimedRow,
  { definition, now }: LaneContext,
  state: SetAside['state'],
  reason: string,
  holdUntil: number | null,
  note: string | null = null,
): SetAside {
  const { appId, lane, id, clientId } = row;
  // A hold that is over before it begins ends at once.
  const isOver = state === 'held' && holdUntil !== null && holdUntil <= now;
  return {
    appId,
    lane,
    id,
    state: isOver ? 'suppressed' : state,
    reason,
    holdUntil: isOver ? null : holdUntil,
    idName: definition.visitorIdName,
    clientId,
    note,
  };
}

function toEvent(row: ClaimedRow): UnifiedEvent {
  const { attributes } = row;
  const createdAt = attributes['event_created_at_ms'];
  const occurredAt = attributes['event_occurred_at_ms'];
  return {
    eventId: row.eventId,
    code: row.code,
    recordId: row.recordId,
    sequence: row.sequence,
    group: row.group,
    occurredAt: typeof occurredAt === 'number' ? occurredAt : row.createdAt,
    createdAt: typeof createdAt === 'number' ? createdAt : row.createdAt,
    ownerId: row.ownerId,
    attributes,
  };
}

/** Encodes what fits. An event that cannot be encoded, or is too large by itself, is set aside: it must not hold up its lane. */
function encodeRun(
  run: readonly ClaimedRow[],
  visitor: Batch['visitor'],
  context: LaneContext,
  setAside: SetAside[],
): Pick<LanePlan, 'batch' | 'setAside'> {
  const { definition, settings, now, version } = context;
  const { appId, integrationId, environment, lane } = run[0]!;
  const encode = (rows: readonly ClaimedRow[]) =>
    definition.encode(rows.map(toEvent), visitor, environment, settings, { now, version });
  let rows = run;
  while (rows.length > 0) {
    try {
      const request = encode(rows);
      if (Buffer.byteLength(request.body) <= definition.batch.maxBytes) {
        return {
          batch: { lane, appId, integrationId, environment, visitor, rows, settings, definition, request },
          setAside,
        };
      }
      if (rows.length === 1)
        return { batch: null, setAside: [...setAside, aside(rows[0]!, context, 'dead_letter', 'oversize', null)] };
    } catch (error) {
      const note = error instanceof Error ? error.message : String(error);
      if (rows.length === 1)
        return {
          batch: null,
          setAside: [...setAside, aside(rows[0]!, context, 'dead_letter', 'encode_failed', null, note)],
        };
    }
    rows = rows.slice(0, Math.ceil(rows.length / 2));
  }
  return { batch: null, setAside };
}
