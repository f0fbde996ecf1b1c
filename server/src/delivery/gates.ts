/**
 * One gate per target (integration and environment): may requests pass now, and how many. The state is in the database, shared by all
 * processes; what is counted here is this process's own traffic.
 *
 *   active ──10 transient failures in a row──▶ open (60 s) ──a probe passes──▶ active
 *      └─────a set-up failure──▶ paused ──a probe after 1, 5, 15, then every 60 min, or new settings, passes──▶ active
 *
 * Throttled is not a state: nothing before a time, then half the rate, growing by a tenth of the old rate per quiet minute.
 */
import type { IntegrationDefinition, IntegrationSettings, Outcome, Pace } from '../integrations/integration.ts';
import type { Log } from '../observe/log.ts';
import type { Database } from '../storage/pool.ts';
import {
  countFailures,
  type Destination,
  listDestinations,
  quickenDestination,
  resumeDestination,
  stopDestination,
  throttleDestination,
  winProbe,
} from '../storage/queries/destination.ts';
import { Rate } from './rate.ts';
import { BREAKER_FAILURES, BREAKER_MS, probeDelay } from './schedule.ts';

/** If a probe is never heard of again, another process may try after this. */
const PROBE_LOST_MS = 60_000;
const QUIET_MS = 60_000;

export interface Gate {
  row: Destination;
  settings: IntegrationSettings;
  definition: IntegrationDefinition;
  pace: Pace;
  /** Requests of this process between `sending` and their answer. */
  inFlight: number;
  /** Those of them whose bytes are on the way: never more than `pace.maxParallel`. */
  underWay: number;
  /** Those that wait for one of these to be answered. */
  waiting: (() => void)[];
  /** Transient failures of this process in a row. */
  streak: number;
  /** An answer came that will stop or slow the destination once it is written down; until then nothing passes. */
  isShut: boolean;
  /** Nothing due before this is left to be found; epoch ms. */
  from: number;
  /** Real time of the last look at everything. */
  lookedAt: number;
  rate: Rate;
}

/**
 * Rounds run ahead of the answers: while one round's requests are under way, the next one's are claimed and written to `sending`.
 * Without that every request would wait out a whole round, and a round carries at most `maxParallel`.
 */
const ROUNDS_AHEAD = 2;

/** How many more requests this process may claim. While requests fail nothing runs ahead: what is claimed can not be held back. */
export function roomOf(gate: Gate): number {
  return gate.pace.maxParallel * (gate.streak === 0 ? ROUNDS_AHEAD : 1) - gate.inFlight;
}

export interface Passage {
  gate: Gate;
  /** Requests that may go now. */
  room: number;
  /** One request only, to see whether a stopped destination answers again. */
  probe: boolean;
}

export interface GatesOptions {
  db: Database;
  log: Log;
  definitions: readonly IntegrationDefinition[];
  settingsOf(appId: number, integrationId: number): IntegrationSettings | undefined;
  now(): number;
  /** This process's part of the traffic, 0 to 1. */
  share(): number;
}

export function gateKey(key: { appId: number; integrationId: number; environment: string }): string {
  return `${key.appId}:${key.integrationId}:${key.environment}`;
}

export class Gates {
  readonly #options: GatesOptions;
  readonly #gates = new Map<string, Gate>();

  constructor(options: GatesOptions) {
    this.#options = options;
  }

  get(key: { appId: number; integrationId: number; environment: string }): Gate | undefined {
    return this.#gates.get(gateKey(key));
  }

  /** Reads states anew, and learns of new targets. */
  async refresh(): Promise<void> {
    const { db, definitions, settingsOf, now } = this.#options;
    const rows = await listDestinations(db);
    const gone = new Set(this.#gates.keys());
    for (const row of rows) {
      const settings = settingsOf(row.appId, row.integrationId);
      const definition = settings && definitions.find(({ kind }) => kind === settings.kind);
      if (!settings || !definition) continue;
      const key = gateKey(row);
      gone.delete(key);
      const known = this.#gates.get(key);
      if (known) known.row = row;
      else {
        this.#gates.set(key, {
          row,
          settings,
          definition,
          pace: definition.pace(settings),
          inFlight: 0,
          underWay: 0,
          waiting: [],
          streak: 0,
          isShut: false,
          from: -Infinity,
          lookedAt: 0,
          rate: new Rate(),
        });
      }
      if (row.rateAt !== null && now() >= row.rateAt + QUIET_MS)
        await quickenDestination(db, row, now(), now() - QUIET_MS);
    }
    // One with requests in flight is kept until they are answered: it can hardly be gone for good.
    for (const key of gone) if (this.#gates.get(key)!.inFlight === 0) this.#gates.delete(key);
  }

  /** Who may pass now. */
  open(): Passage[] {
    const now = this.#options.now();
    return [...this.#gates.values()].flatMap((gate): Passage[] => {
      this.adopt(gate);
      const { row, pace, settings } = gate;
      if (!pace.enabled || gate.isShut) return [];
      if (row.state !== 'active') {
        const isDue = row.probeAt === null || row.probeAt <= now || row.settingsVersion !== settings.version;
        return isDue && gate.inFlight === 0 ? [{ gate, room: 1, probe: true }] : [];
      }
      if (row.notBefore !== null && row.notBefore > now) return [];
      const limit = row.maxPerSecond === null ? null : row.maxPerSecond * this.#options.share();
      const room = Math.min(roomOf(gate), gate.rate.room(limit, performance.now()));
      return room > 0 ? [{ gate, room, probe: false }] : [];
    });
  }

  /** Takes the settings now in force: they count from the moment they are saved. */
  adopt(gate: Gate): void {
    const settings = this.#options.settingsOf(gate.row.appId, gate.row.integrationId);
    if (settings === undefined || settings === gate.settings) return;
    gate.settings = settings;
    gate.pace = gate.definition.pace(settings);
  }

  /** Only one process may probe. */
  async winProbe(gate: Gate): Promise<boolean> {
    const now = this.#options.now();
    const nextAt = now + PROBE_LOST_MS;
    const won = await winProbe(this.#options.db, gate.row, gate.settings.version, now, nextAt);
    gate.row = { ...gate.row, probeAt: nextAt, settingsVersion: gate.settings.version };
    return won;
  }

  /** A request goes. */
  passed(gate: Gate): void {
    gate.inFlight++;
    gate.rate.count(performance.now());
  }

  /** Resolves when the request's bytes may leave. */
  async takeOff(gate: Gate): Promise<void> {
    if (gate.underWay >= gate.pace.maxParallel) await new Promise<void>((go) => gate.waiting.push(go));
    gate.underWay++;
  }

  /** A request was answered. */
  answered(gate: Gate, { class: outcome }: Outcome): void {
    gate.inFlight--;
    gate.underWay--;
    gate.waiting.shift()?.();
    gate.streak = outcome === 'transient' ? gate.streak + 1 : 0;
    if (outcome === 'setup' || outcome === 'throttle' || gate.streak >= BREAKER_FAILURES) gate.isShut = true;
  }

  /** All pauses of a destination up to now, the present one included; ms. */
  pausedMs({ row }: Gate): number {
    return row.pausedMs + (row.state === 'paused' ? Math.max(0, this.#options.now() - row.since) : 0);
  }

  /** What a group of answers, in the order they came, says about their destination. */
  async learn(gate: Gate, answers: readonly { outcome: Outcome; probe: boolean }[]): Promise<void> {
    try {
      await this.#learn(gate, answers);
    } finally {
      gate.isShut = false;
    }
  }

  async #learn(gate: Gate, answers: readonly { outcome: Outcome; probe: boolean }[]): Promise<void> {
    const { db, log, now } = this.#options;
    const { row } = gate;
    const name = { appId: row.appId, integrationId: row.integrationId, environment: row.environment };
    const probe = answers.find((answer) => answer.probe);
    if (probe) await this.#learnFromProbe(gate, probe.outcome);

    const throttle = answers.findLast(({ outcome }) => outcome.class === 'throttle')?.outcome;
    if (throttle) {
      const notBefore = now() + (throttle.retryAfterMs ?? 0);
      const rate = gate.rate.perSecond() / this.#options.share();
      log.warn({ ...name, notBefore }, 'The destination asks to slow down');
      await throttleDestination(db, row, rate, notBefore, now());
      gate.row = { ...gate.row, notBefore, maxPerSecond: Math.max(1, (gate.row.maxPerSecond ?? rate) / 2) };
    }
    if (row.state !== 'active' || probe) return;

    const setup = answers.find(({ outcome }) => outcome.class === 'setup')?.outcome;
    if (setup) {
      const stop = {
        state: 'paused' as const,
        reason: setup.message,
        probeAt: now() + probeDelay(0),
        settingsVersion: gate.settings.version,
        probe: false,
      };
      log.error({ ...name, reason: setup.message }, 'The destination is paused: its set-up is wrong');
      await stopDestination(db, row, stop, now());
      gate.row = { ...gate.row, ...stop };
      return;
    }
    const lastGood = answers.findLastIndex(({ outcome }) => outcome.class !== 'transient');
    const failures = answers.length - 1 - lastGood;
    if (failures === 0 && row.failures === 0) return;
    const inARow = await countFailures(db, row, failures, lastGood >= 0, now());
    gate.row = { ...gate.row, failures: inARow };
    if (inARow < BREAKER_FAILURES) return;
    const reason = answers.at(-1)!.outcome.message;
    const stop = {
      state: 'open' as const,
      reason,
      probeAt: now() + BREAKER_MS,
      settingsVersion: gate.settings.version,
      probe: false,
    };
    log.warn({ ...name, reason, failures: inARow }, 'The destination fails too often and is left alone for a minute');
    await stopDestination(db, row, stop, now());
    gate.row = { ...gate.row, ...stop };
  }

  async #learnFromProbe(gate: Gate, outcome: Outcome): Promise<void> {
    const { db, log, now } = this.#options;
    const { row } = gate;
    // A refused event or a request to slow down comes from a destination that works; a paused one must take an event first.
    const isBack =
      outcome.class === 'success' ||
      outcome.class === 'throttle' ||
      (outcome.class === 'invalid' && row.state === 'open');
    if (isBack) {
      await resumeDestination(db, row, now());
      const pausedMs = row.pausedMs + (row.state === 'paused' ? Math.max(0, now() - row.since) : 0);
      gate.row = {
        ...row,
        state: 'active',
        reason: null,
        since: now(),
        probeAt: null,
        probes: 0,
        failures: 0,
        pausedMs,
      };
      log.info(
        { appId: row.appId, integrationId: row.integrationId, environment: row.environment },
        'The destination answers again',
      );
      return;
    }
    const state = outcome.class === 'setup' ? 'paused' : row.state === 'paused' ? 'paused' : 'open';
    const probes = state === row.state ? row.probes + 1 : 0;
    const probeAt = now() + (state === 'paused' ? probeDelay(probes) : BREAKER_MS);
    const stop = {
      state,
      reason: outcome.message,
      probeAt,
      settingsVersion: gate.settings.version,
      probe: true,
    } as const;
    await stopDestination(db, row, stop, now());
    gate.row = { ...row, ...stop, probes, since: state === row.state ? row.since : now() };
  }
}
