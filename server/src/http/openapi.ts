/** The OpenAPI 3.1 document, made from the routes' own schemas. */
import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { errorBody } from './error-answer.ts';
import type { Http } from './server.ts';

/** Before any route: it hears of them as they are added. */
export function documentRoutes(http: Http): void {
  http.addHook('onRoute', (route) => {
    if (route.schema === undefined || route.schema.hide) return;
    const response = (route.schema.response ?? {}) as Record<string, unknown>;
    if (!('default' in response)) route.schema = { ...route.schema, response: { ...response, default: errorBody } };
  });
  void http.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Pianola',
        description:
          'App-store subscription notifications in, one unified dataset of events out. Every list is paged by cursor, every write is idempotent, and every error has the form `{ code, message, fix }`.',
        version: '1',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key with the scopes `read` or `write`, made with `pianola key create`.',
          },
          appKey: {
            type: 'apiKey',
            in: 'header',
            name: 'x-api-key',
            description: 'The public key of an app, for its SDK.',
          },
        },
      },
      tags: [
        { name: 'Set-up', description: 'Apps, their stores, plans and integrations.' },
        { name: 'People', description: 'Users and installations of an app.' },
        { name: 'Data', description: 'Signals, events, deliveries and attempts.' },
        { name: 'SDK', description: 'For apps: who the user is, and what was bought.' },
        { name: 'Stores', description: 'Where the stores send their notifications.' },
        { name: 'Operation', description: 'For operators and their machinery.' },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withoutUnused(jsonSchemaTransformObject(document)),
  });
}

/** Every named schema comes in a form for requests and one for answers; most are used in one of them only. */
function withoutUnused<Document extends object>(document: Document): Document {
  const { components } = document as { components?: { schemas?: Record<string, unknown> } };
  let schemas = Object.entries(components?.schemas ?? {});
  for (;;) {
    const text = JSON.stringify({ ...document, components: { schemas: Object.fromEntries(schemas) } });
    const used = schemas.filter(([name]) => text.includes(`"#/components/schemas/${name}"`));
    if (used.length === schemas.length) break;
    schemas = used;
  }
  const inOrder = schemas.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ...document, components: { ...components, schemas: Object.fromEntries(inOrder) } };
}
