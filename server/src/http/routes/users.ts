import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { accountKeyOf } from '../../identity/account-key.ts';
import { listAccountTokens } from '../../storage/queries/account-token.ts';
import { type AppUser, installationsOf, pageAppUsers, readAppUser, readNamed } from '../../storage/queries/app-user.ts';
import { integrationIdHistory } from '../../storage/queries/integration-id.ts';
import { appOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { isoTime, page, pageOf, pageQuery, readCursor } from '../paging.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';

const userItem = z
  .object({
    id: z.uuid().describe('Our id of the owner, as in `ownerId` of events.'),
    userId: z.string().nullable().describe('Your id of a known user; null for an installation.'),
    anonymousUserId: z
      .string()
      .nullable()
      .describe('The id of an installation, as first given; null for a known user.'),
    loggedInUser: z.uuid().nullable().describe('Of an installation: the `id` of the user logged in there.'),
    integrationIds: z
      .record(z.string(), z.string())
      .describe('The newest id under which each integration knows this owner.'),
    privacyMode: z.string().nullable().describe('null = none stored; the integration’s default applies.'),
    privacyConsent: z.boolean().nullable(),
    forwardingRevoked: z.boolean().describe('Nothing about this owner goes to third parties.'),
    erased: z.boolean(),
    createdAt: z.iso.datetime(),
    seenAt: z.iso.datetime(),
  })
  .meta({ id: 'User' });

const userDetail = userItem
  .extend({
    integrationIdHistory: z
      .array(z.object({ name: z.string(), value: z.string(), setAt: z.iso.datetime() }))
      .describe('Newest first, 100 at most.'),
    accountTokens: z.array(z.object({ token: z.string(), createdAt: z.iso.datetime() })).describe('The first 100.'),
    installations: z
      .array(z.uuid())
      .describe('Of a known user: the `id`s of installations where they are logged in; the first 100.'),
  })
  .meta({ id: 'UserDetail' });

function shown(user: AppUser): z.output<typeof userItem> {
  return { ...user, createdAt: isoTime(user.createdAt), seenAt: isoTime(user.seenAt) };
}

export function userRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/apps/:slug/users',
    config: { scope: 'read' },
    schema: {
      operationId: 'listUsers',
      tags: ['People'],
      summary: 'Users and installations of the app, in the order of their creation',
      params: slugParams,
      querystring: z.object({
        ...pageQuery,
        userId: z.string().min(1).optional().describe('Only the known user with your id.'),
        anonymousUserId: z
          .string()
          .min(1)
          .optional()
          .describe('Only the installation with this id, whatever its case.'),
      }),
      response: { 200: pageOf(userItem) },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const { userId, anonymousUserId, limit, cursor } = request.query;
      if (userId !== undefined || anonymousUserId !== undefined) {
        const found = await readNamed(
          deps.db,
          app.id,
          anonymousUserId === undefined ? null : accountKeyOf(anonymousUserId),
          userId ?? null,
        );
        return { items: [found.installation, found.user].filter((user) => user !== undefined).map(shown), next: null };
      }
      const after = readCursor(cursor, z.uuid()) ?? '00000000-0000-0000-0000-000000000000';
      return page(await pageAppUsers(deps.db, app.id, after, limit + 1), limit, (user) => user.id, shown);
    },
  });

  scope.route({
    method: 'GET',
    url: '/apps/:slug/users/:id',
    config: { scope: 'read' },
    schema: {
      operationId: 'getUser',
      tags: ['People'],
      summary: 'One user or installation',
      params: slugParams.extend({ id: z.uuid() }),
      response: { 200: userDetail },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const { id } = request.params;
      const user = await readAppUser(deps.db, app.id, id);
      if (user === undefined) throw new PianolaError('not_found');
      const history = await integrationIdHistory(deps.db, app.id, id);
      const tokens = await listAccountTokens(deps.db, app.id, id);
      const installations = await installationsOf(deps.db, app.id, id);
      return {
        ...shown(user),
        integrationIdHistory: history.map((entry) => ({ ...entry, setAt: isoTime(entry.setAt) })),
        accountTokens: tokens.map((entry) => ({ ...entry, createdAt: isoTime(entry.createdAt) })),
        installations: installations.map((installation) => installation.id),
      };
    },
  });
}
