/** What a team sets up for AT Internet. The form, validation, OpenAPI and the documentation's table all come from this schema. */
import { z } from 'zod';
import { checkDomain, tidyDomain } from './domain.ts';
import { STANDARD_MODES } from './privacy.ts';
import { checkPrefix } from './properties.ts';

const COLLECT_PATH = /^(?!__)[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/;
const SITE_ID = /^[1-9][0-9]{0,9}$/;
/** Agents of libraries and robots: the service would count every event as a robot's, and still answer 2xx. */
export const ROBOT_AGENT =
  /bot\b|crawler|spider|^(curl|wget|python|go-http-client|okhttp|java|axios|node|undici|libwww|apache-httpclient)/i;
export const AGENT = /^[\x21-\x7e][\x20-\x7e]{0,511}$/;

const siteId = z.coerce
  .string()
  .overwrite((text) => text.replaceAll(/\s/g, ''))
  .regex(SITE_ID, 'Digits only, not beginning with 0; the number beside the site’s name.');

/** @param allowPrivateTargets the instance runs with its simulator: `http://localhost:<port>` is a possible target */
export function settingsSchema({ allowPrivateTargets }: { allowPrivateTargets: boolean }) {
  return z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Integration enabled. When off, new events are not sent and queued ones wait.'),
      collectionDomain: z
        .string()
        .overwrite(tidyDomain)
        .check((context) => {
          const message = checkDomain(context.value, allowPrivateTargets);
          if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
        })
        .describe('AT Internet collection domain, e.g. abcdefg.pa-cd.com. If the site lists several, any one of them.'),
      collectPath: z
        .string()
        .overwrite((text) => text.trim().replaceAll(/^\/+|\/+$/g, ''))
        .regex(COLLECT_PATH, 'One word of letters, digits and . _ ~ -, at most 64, e.g. subscription.')
        .describe('AT Internet collect path: free, one word, e.g. subscription.'),
      siteId: siteId.describe('AT Internet site id.'),
      sandboxEvents: z
        .enum(['same-site', 'other-site', 'drop'])
        .describe('Where events of sandbox purchases go: to the same site, to another one, or nowhere.'),
      sandboxSiteId: siteId.optional().describe('Site id for sandbox purchases, when they go to another site.'),
      defaultPrivacyMode: z.enum(STANDARD_MODES).describe('Privacy mode of visitors who have told none.'),
      privacyActions: z
        .record(z.string().min(1).max(100), z.enum(['send', 'suppress']))
        .default({})
        .describe('Per privacy mode, what to do instead of the default (only modes with consent are sent).'),
      namePreset: z
        .enum(['code', 'piano'])
        .default('code')
        .describe('Event names: the event code, or the service’s own style.'),
      offsiteSuffix: z.boolean().default(false).describe('Append .offsite to preset names.'),
      propertyPrefix: z
        .string()
        .regex(/^([a-z][a-z0-9_]*)?$/, 'Lower-case letters, digits and underscores, beginning with a letter.')
        .default('sub_')
        .describe('Put before each property’s name.'),
      stringLimitUnit: z.enum(['chars', 'bytes']).default('chars').describe('What the limit of 255 for texts counts.'),
      userIdSource: z
        .enum(['app', 'none'])
        .default('app')
        .describe('Send the app’s user id as the standard property user_id.'),
      clientIdHoldHours: z
        .int()
        .min(0)
        .max(168)
        .default(72)
        .describe('How long events wait for the visitor’s client id.'),
      userAgentSource: z
        .enum(['device-first', 'neutral'])
        .default('device-first')
        .describe('The device’s own User-Agent when known, or always ours.'),
      neutralUserAgent: z
        .string()
        .regex(AGENT, 'Printable ASCII, at most 512 characters.')
        .refine((text) => !ROBOT_AGENT.test(text), 'AT Internet counts this User-Agent as a robot.')
        .optional()
        .describe('User-Agent when the device’s is not used; default Pianola/<version>.'),
      forwardClientIp: z
        .boolean()
        .default(false)
        .describe('Send the device’s public address as X-Forwarded-For when the app handed it over.'),
      contentType: z
        .string()
        .regex(/^[\x21-\x7e]+\/[\x20-\x7e]+$/, 'A media type.')
        .max(100)
        .default('text/plain;charset=UTF-8')
        .describe('Content-Type of the requests; the body is JSON in any case.'),
      lateEvents: z
        .enum(['as-is', 'offline-flag'])
        .default('as-is')
        .describe('Mark late events with connection_type OFFLINE.'),
      lateAfterMinutes: z.int().min(1).max(10_080).default(30).describe('When an event counts as late.'),
      retryWindowHours: z
        .int()
        .min(1)
        .max(720)
        .default(72)
        .describe('How long a failing event is tried again before it is parked.'),
      maxParallel: z.int().min(1).max(256).default(32).describe('Requests in flight at once, per process.'),
    })
    .check((context) => {
      const { value } = context;
      const refuse = (path: string, message: string) =>
        context.issues.push({ code: 'custom', path: [path], message, input: value });
      if (value.sandboxEvents === 'other-site') {
        if (value.sandboxSiteId === undefined)
          refuse('sandboxSiteId', 'Needed when sandbox events go to another site.');
        else if (value.sandboxSiteId === value.siteId) refuse('sandboxSiteId', 'Must differ from the site id.');
      }
      const clashes = checkPrefix(value.propertyPrefix);
      if (clashes.length > 0)
        refuse('propertyPrefix', `This prefix makes properties impossible: ${clashes.join('; ')}.`);
    });
}

export type AtInternetSettings = z.output<ReturnType<typeof settingsSchema>>;
