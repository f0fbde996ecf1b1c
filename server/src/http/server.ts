/** The fastify types of this server: zod schemas type each route's request and answer. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Scope } from '../storage/queries/api-key.ts';
import type { App } from '../storage/settings.ts';
import type { Principal } from './keyring.ts';

export type Http = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Under `/api/v1`: whose key it is. */
    principal: Principal | null;
    /** Under `/sdk/v1`: whose app key it is. */
    sdkApp: App | null;
  }
  interface FastifyContextConfig {
    /** Under `/api/v1`: what the key must allow. Every route there names one. */
    scope?: Scope;
  }
}
