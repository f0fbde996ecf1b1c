/**
 * Two questions an operator's machinery asks. Live: does this process still run its loop? (No database asked, or a
 * database outage would restart every process.) Ready: should requests be sent here? That asks every dependency.
 */
export interface Liveness {
  status: 'ok';
  version: string;
  simulator: boolean;
  uptimeSeconds: number;
}

export interface Readiness {
  ready: boolean;
  /** Per check `ok`, or in words what is wrong. */
  checks: Record<string, string>;
}

export interface Health {
  live(): Liveness;
  ready(): Promise<Readiness>;
  /** From now on not ready: the process finishes what it has and takes nothing new. */
  stopping(): void;
}

export interface HealthOptions {
  version: string;
  simulator: boolean;
  /** Each resolves when fine and rejects, with a message for people, when not. */
  checks: Record<string, () => Promise<unknown>>;
  /** Real ms one check may take before it counts as failed. */
  timeoutMs?: number;
}

export function createHealth(options: HealthOptions): Health {
  const timeoutMs = options.timeoutMs ?? 2_000;
  let isStopping = false;

  return {
    live: () => ({
      status: 'ok',
      version: options.version,
      simulator: options.simulator,
      uptimeSeconds: Math.floor(process.uptime()),
    }),
    ready: async () => {
      const names = Object.keys(options.checks);
      const results = await Promise.all(names.map((name) => judge(options.checks[name], timeoutMs)));
      const checks: Record<string, string> = {};
      for (const [index, name] of names.entries()) checks[name] = results[index] ?? 'ok';
      if (isStopping) checks['process'] = 'stopping';
      return { ready: Object.values(checks).every((result) => result === 'ok'), checks };
    },
    stopping: () => {
      isStopping = true;
    },
  };
}

async function judge(check: (() => Promise<unknown>) | undefined, timeoutMs: number): Promise<string> {
  if (!check) return 'ok';
  let timer: NodeJS.Timeout | undefined;
  try {
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    });
    await Promise.race([check(), timeout]);
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
