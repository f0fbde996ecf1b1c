/** The "Check" button: does Apple take our key, and do its notifications reach our door? */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckStep, ReadContext, StoreAccount } from '../store.ts';
import { type ApiAnswer, type ApiTarget, callApi } from './api.ts';
import { isJson, type Json, stringAt } from './json.ts';
import { peekJws } from './jws.ts';
import type { AppleEnvironment } from './payload.ts';
import { type AppleSettings, apiKeyOf } from './settings.ts';

type Arrived = (dedupeKey: string, timeoutMs: number) => Promise<boolean>;

/** How long a test notification may take, ms; real time, as the network is real. */
const PATIENCE = 60_000;
/** Between two looks at what Apple says of its own attempt, ms. */
const LOOKS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 29_500];
const URL_NOT_SET = 4040007;

const CREDENTIALS_FIX =
  'Compare issuer id, key id and bundle id; the key must be an In-App Purchase key, not one of the App Store Connect API.';
const URL_FIX = 'App → App Information → App Store Server Notifications: paste the URL shown here, Version 2.';

/** What went wrong and what to do about it, for the person who pressed the button. */
function explain(answer: Exclude<ApiAnswer, { kind: 'ok' }>): [message: string, fix: string] {
  if (answer.kind === 'credentials') return ['Apple refuses the key.', CREDENTIALS_FIX];
  if (answer.kind === 'limited') return ['Apple asks us to slow down.', 'Press Check again in a minute.'];
  if (answer.kind === 'again') {
    return [
      `Apple could not be asked: ${answer.message}`,
      'Check that this server may reach the API host, then press Check again.',
    ];
  }
  if (answer.kind === 'refused') return [answer.message, 'Compare key, bundle id and API host with the set-up steps.'];
  return answer.code === URL_NOT_SET
    ? ['App Store Connect has no notification URL for this environment.', URL_FIX]
    : [`Apple does not know this app here (${answer.code}).`, 'Compare the bundle id with App Store Connect.'];
}

function problem(name: string, answer: Exclude<ApiAnswer, { kind: 'ok' }>): CheckStep {
  const [message, fix] = explain(answer);
  return { name, ok: false, message, fix };
}

/** The results of Apple's own attempts, e.g. `TLS_ISSUE`. */
function attemptsOf(status: Json | null): string[] {
  const attempts: unknown = status?.['sendAttempts'];
  if (!Array.isArray(attempts)) return [];
  return attempts.filter(isJson).map((attempt) => stringAt(attempt, 'sendAttemptResult') ?? 'unknown');
}

/**
 * Follows a requested test notification: Apple tells its UUID in the status of the test, and by that we know it at our door.
 */
async function follow(target: ApiTarget, token: string, name: string, arrived: Arrived): Promise<CheckStep> {
  let status: Json | null = null;
  for (const look of LOOKS) {
    await sleep(look);
    const answer = await callApi(target, 'GET', `/inApps/v1/notifications/test/${encodeURIComponent(token)}`);
    // 404 here: the status is not there yet.
    if (answer.kind === 'ok') status = answer.body;
    else if (answer.kind !== 'not_found' && answer.kind !== 'again') return problem(name, answer);
    const uuid = stringAt(peekJws(stringAt(status, 'signedPayload') ?? ''), 'notificationUUID');
    const failed = attemptsOf(status).some((result) => result !== 'SUCCESS');
    if (uuid !== undefined && (await arrived(`apple:${target.environment}:${uuid}`, failed ? 0 : PATIENCE))) {
      return { name, ok: true, message: 'The test notification arrived.' };
    }
    if (uuid !== undefined) break;
  }
  const results = attemptsOf(status);
  return {
    name,
    ok: false,
    message: `The test notification did not arrive. Apple says: ${results.length > 0 ? results.join(', ') : 'nothing yet'}.`,
    fix: 'The notification URL must be reachable from the internet over https (port 443 or 1024 and above) and answer 200.',
  };
}

async function checkEnvironment(target: ApiTarget, arrived: Arrived): Promise<CheckStep> {
  const name = target.environment === 'Production' ? 'production' : 'sandbox';
  const answer = await callApi(target, 'POST', '/inApps/v1/notifications/test');
  if (answer.kind !== 'ok') return problem(name, answer);
  const token = stringAt(answer.body, 'testNotificationToken');
  if (token === undefined) return { name, ok: false, message: 'Apple gave no test token.', fix: 'Press Check again.' };
  return follow(target, token, name, arrived);
}

/** One step for the key, then one per environment that is switched on, side by side. */
export async function check(
  account: StoreAccount<AppleSettings>,
  context: ReadContext & { arrived: Arrived },
): Promise<CheckStep[]> {
  if (!apiKeyOf(account.settings)) {
    return [
      {
        name: 'key',
        ok: false,
        message: 'There is no API key: notifications work, but nothing can be read from Apple.',
        fix: 'Add issuer id, key id and the In-App Purchase key (.p8).',
      },
    ];
  }
  const environments: AppleEnvironment[] = [];
  if (account.settings.environments.includes('production')) environments.push('Production');
  if (account.settings.environments.includes('sandbox')) environments.push('Sandbox');
  const arrived: Arrived = (dedupeKey, timeoutMs) => context.arrived(dedupeKey, timeoutMs);
  return Promise.all(environments.map((environment) => checkEnvironment({ account, environment, context }, arrived)));
}
