/** `verify`: one process, one core: signed notifications through the App Store's check and decode, nothing else. */
import { createAuthority, derOf } from '../../simulator/src/stores/apple/authority.ts';
import { createSigner } from '../../simulator/src/stores/apple/sign.ts';
import { apple } from '../../server/src/stores/apple/index.ts';
import { APP_APPLE_ID, BUNDLE_ID, makeLife } from '../../server/test/harness/lives.ts';

const SECONDS = 4;

const authority = await createAuthority();
const sign = createSigner(authority);
const now = Date.now();
const bodies = Array.from({ length: 200 }, (_, number) =>
  makeLife(sign, number, now).notices.map((notice) => Buffer.from(notice.body)),
).flat();
const settings = apple.settings.parse({ bundleId: BUNDLE_ID, appAppleId: String(APP_APPLE_ID) });
const account = { appId: 1, appSlug: 'bench', settings };
const context = { now, dates: 'live' as const, extraRoots: [derOf(authority.root)] };

let verified = 0;
const pass = () => {
  for (const body of bodies) {
    const verdict = apple.verify(body, account, context);
    if (!verdict.ok) throw new Error(`a body of our own was refused: ${verdict.code}`);
    verified += 1;
  }
};
// Once through to warm up, and to fill the cache of certificate chains, as in a server that has been up for a second.
pass();
verified = 0;
const cpu = process.cpuUsage();
const startedAt = performance.now();
while (performance.now() - startedAt < SECONDS * 1000) pass();
const seconds = (performance.now() - startedAt) / 1000;
const used = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    perSecond: verified / seconds,
    cpuPerThousand: ((used.user + used.system) / 1e6 / verified) * 1000,
  }),
);
