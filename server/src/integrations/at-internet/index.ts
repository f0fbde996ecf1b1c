import { EVENT_CODES, MAIN_EVENTS } from '../../events/catalogue.ts';
import type { IntegrationDefinition } from '../integration.ts';
import { encode } from './encode.ts';
import { checkName } from './names.ts';
import { admitPrivacy } from './privacy.ts';
import { read } from './read.ts';
import { type AtInternetSettings, settingsSchema } from './settings.ts';

const HOUR_MS = 3_600_000;
/** The service's visitor ids; an id of another length is as good as none. */
const CLIENT_ID = /^([\x21-\x7e]{16}|[\x21-\x7e]{36})$/;

/** AT Internet, now called Piano Analytics: events go to the organisation's collection domain, server to server. */
export function atInternet(options: { allowPrivateTargets: boolean }): IntegrationDefinition<AtInternetSettings> {
  return {
    kind: 'at-internet',
    label: 'AT Internet (Piano Analytics)',
    settings: settingsSchema(options),
    secretFields: [],
    presets: { 'main-ten': MAIN_EVENTS, all: EVENT_CODES },
    batch: { maxEvents: 50, maxBytes: 1_000_000 },
    visitorIdName: 'at_internet_id_client',
    checkName,
    wants({ code, ownerId }, { settings, events }, app) {
      if (!settings.enabled || events[code]?.enabled !== true) return null;
      if (ownerId !== null) return { send: true };
      // Even a team that wants events of unknown users cannot have them here: the collector needs a visitor.
      return { send: false, state: 'suppressed', reason: app.sendUnknownUsers ? 'no_identity' : 'unknown_user' };
    },
    admit(visitor, environment, { settings }) {
      if (visitor.erased) return { send: false, state: 'suppressed', reason: 'erased' };
      if (visitor.forwardingRevoked) return { send: false, state: 'suppressed', reason: 'forwarding_revoked' };
      if (environment === 'SANDBOX' && settings.sandboxEvents === 'drop') {
        return { send: false, state: 'suppressed', reason: 'sandbox_dropped' };
      }
      const privacy = admitPrivacy(visitor, settings);
      if (!privacy.send) return privacy;
      if (visitor.clientId === null || !CLIENT_ID.test(visitor.clientId))
        return { send: false, state: 'held', reason: 'no_client_id' };
      return { send: true };
    },
    holdMs: ({ settings }) => settings.clientIdHoldHours * HOUR_MS,
    pace: ({ settings: { enabled, maxParallel, retryWindowHours } }) => ({
      enabled,
      maxParallel,
      retryWindowMs: retryWindowHours * HOUR_MS,
    }),
    encode,
    read,
  };
}
