import { z } from 'zod';
import { setAccountToken } from '../../identity/account-tokens.ts';
import { insertAudit } from '../../storage/queries/audit.ts';
import { appOf, principalOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';
import { userIdText } from './sdk.ts';

const answer = z
  .object({ token: z.string(), ownerId: z.uuid().describe('Our id of the user.') })
  .meta({ id: 'AccountToken' });

export function accountTokenRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'PUT',
    url: '/apps/:slug/account-tokens/:token',
    config: { scope: 'write' },
    schema: {
      operationId: 'putAccountToken',
      tags: ['People'],
      summary: 'Say which user an account token stands for',
      description:
        'An account token is a UUID that your back end gives a known user, and that your app passes to the store with each purchase (Apple: `appAccountToken`). Purchases that carry it are that user’s.',
      params: slugParams.extend({ token: z.guid() }),
      body: z.strictObject({ userId: userIdText }),
      response: { 200: answer },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const token = request.params.token.toLowerCase();
      const now = deps.clock.now();
      const { ownerId } = await deps.db.transaction(async (sql) => {
        const registered = await setAccountToken(sql, app, token, request.body.userId, now);
        if (registered.created) {
          const actor = principalOf(request).name;
          await insertAudit(
            sql,
            {
              actor,
              action: 'account_token.save',
              appId: app.id,
              target: token,
              detail: { ownerId: registered.ownerId },
            },
            now,
          );
        }
        return registered;
      });
      deps.onWake();
      return { token, ownerId };
    },
  });
}
