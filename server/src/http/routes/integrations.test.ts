import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENT_CODES } from '../../events/catalogue.ts';
import { AT_INTERNET, putApp, START, testHttp, type TestHttp } from '../fixtures/test-http.ts';

let server: TestHttp;
beforeEach(async () => {
  server = await testHttp();
});
afterEach(() => server.close());

describe('integrations', () => {
  const url = '/api/v1/apps/news/integrations/at-internet';
  beforeEach(() => putApp(server));

  it('append a version for each change, and none without', async () => {
    expect((await server.call('GET', url)).body.code).toBe('not_found');
    const put = await server.call('PUT', url, { body: AT_INTERNET });
    expect(put).toMatchObject({ status: 200, body: { ...AT_INTERNET, version: 1 } });
    expect((await server.call('PUT', url, { body: put.body })).body).toEqual(put.body);
    const moved = await server.call('PUT', url, { body: { ...AT_INTERNET, siteId: '654321' } });
    expect(moved.body).toMatchObject({ siteId: '654321', version: 2 });
    expect((await server.call('GET', url)).body).toEqual(moved.body);
    const versions = await server.database.sql(
      "select version, settings ->> 'siteId' as site, author, created_at from integration_version order by version",
    );
    expect(versions).toEqual([
      { version: 1, site: '123456', author: 'read+write', created_at: START },
      { version: 2, site: '654321', author: 'read+write', created_at: START },
    ]);
    const [inForce] = server.settings.integrations(server.settings.appBySlug('news')!.id);
    expect(inForce).toMatchObject({ kind: 'at-internet', version: 2, currency: 'EUR', settings: { siteId: '654321' } });
  });

  it('refuse settings by field', async () => {
    const answer = await server.call('PUT', url, { body: { ...AT_INTERNET, sandboxEvents: undefined } });
    expect([answer.status, answer.body.code]).toEqual([422, 'settings_invalid']);
    expect(answer.body.message).toContain('sandboxEvents: ');
    expect((await server.call('GET', url)).status).toBe(404);
  });

  describe('event table', () => {
    const table = `${url}/events`;

    it('needs the settings first', async () => {
      for (const method of ['GET', 'PUT'] as const) {
        const answer = await server.call(method, table, { body: method === 'PUT' ? { events: {} } : undefined });
        expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
      }
    });

    it('starts with everything off and names every code', async () => {
      await server.call('PUT', url, { body: AT_INTERNET });
      const { body } = await server.call('GET', table);
      expect(Object.keys(body.events).toSorted()).toEqual([...EVENT_CODES].toSorted());
      expect(Object.values(body.events)).toEqual(EVENT_CODES.map(() => ({ enabled: false })));
    });

    it('is replaced as a whole and is part of the version', async () => {
      await server.call('PUT', url, { body: AT_INTERNET });
      const events = { ACTIVATE: { enabled: true, name: 'access.given' }, TRIAL_STARTED: { enabled: true } };
      const put = await server.call('PUT', table, { body: { events } });
      expect(put.body).toMatchObject({ version: 2, events, warnings: [] });
      // The same, said at length.
      const again = await server.call('PUT', table, { body: { events: put.body.events } });
      expect(again.body.version).toBe(2);
      expect((await server.call('GET', table)).body).toEqual(put.body);
      // Other settings keep the table.
      await server.call('PUT', url, { body: { ...AT_INTERNET, siteId: '7' } });
      expect((await server.call('GET', table)).body).toEqual({ ...put.body, version: 3 });
      const [inForce] = server.settings.integrations(server.settings.appBySlug('news')!.id);
      expect(inForce?.events).toEqual(events);
      expect((await server.call('PUT', table, { body: { events: {} } })).body).toMatchObject({
        version: 4,
        events: { ACTIVATE: { enabled: false } },
      });
    });

    it('refuses codes nobody knows, and names the service cannot take', async () => {
      await server.call('PUT', url, { body: AT_INTERNET });
      const unknown = await server.call('PUT', table, { body: { events: { SOMETHING: { enabled: true } } } });
      expect([unknown.status, unknown.body.code]).toEqual([400, 'request_invalid']);
      const badName = await server.call('PUT', table, {
        body: { events: { TRIAL_STARTED: { enabled: true, name: '1 trial' } } },
      });
      expect([badName.status, badName.body.code]).toEqual([422, 'event_name_invalid']);
      expect(badName.body.message).toContain('TRIAL_STARTED');
      expect((await server.call('GET', table)).body.version).toBe(1);
    });

    it('tells what is worth a look', async () => {
      await server.call('PUT', url, { body: AT_INTERNET });
      const events = {
        TRIAL_STARTED: { enabled: true, name: 'offer.started' },
        INTRO_OFFER_STARTED: { enabled: true, name: 'offer.started' },
        RENEWAL_ENABLED: { enabled: true, name: 'page.display' },
        RENEWAL_DISABLED: { enabled: true, name: 'Renewal.Off' },
      };
      const { body } = await server.call('PUT', table, { body: { events } });
      const levels = body.warnings.map((warning: { code: string; level: string }) => [warning.code, warning.level]);
      expect(levels).toEqual(
        expect.arrayContaining([
          ['RENEWAL_DISABLED', 'notice'],
          ['RENEWAL_ENABLED', 'warning'],
          ['INTRO_OFFER_STARTED', 'notice'],
        ]),
      );
      expect(levels).toHaveLength(3);
    });
  });
});
