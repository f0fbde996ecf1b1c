import { describe, expect, it } from 'vitest';
import { checkName, checkRequest, isClientId, isRobot, NOT_DECLARED } from './acceptance.ts';
import { DEFAULT_CONFIG } from './config.ts';
import { mergeModel, Model, readModel } from './model.ts';

const GUID = '7F3C9A52-4D1E-4B7A-9C0D-2E5B8A6F1D34';
const good = { site: '640001', host: '127.0.0.1:8790', userAgent: 'Pianola/0.1.0', idclient: GUID };

describe('site', () => {
  const sites = [
    { id: '640001', hosts: ['abc.pa-cd.com'], closed: false },
    { id: '640002', hosts: [], closed: true },
  ];
  const config = { ...DEFAULT_CONFIG, sites };

  it('may be any while none is listed', () => {
    expect(checkRequest({ ...good, site: '1' }, DEFAULT_CONFIG)).toBeNull();
  });

  it('must be listed, called by its host, and open', () => {
    const host = 'abc.pa-cd.com';
    expect(checkRequest({ ...good, host }, config)).toBeNull();
    expect(checkRequest({ ...good, host: `${host}:443` }, config)).toBeNull();
    expect(checkRequest({ ...good, site: '3' }, config)).toEqual({ type: 'technical', cause: 'site_unknown' });
    expect(checkRequest(good, config)).toEqual({ type: 'technical', cause: 'domain_mismatch' });
    expect(checkRequest({ ...good, site: '640002' }, config)).toEqual({ type: 'closed_site', cause: 'site_closed' });
  });
});

describe('robots', () => {
  it.each([
    '',
    ' ',
    'curl/8.5.0',
    'python-requests/2.31',
    'Go-http-client/2.0',
    'okhttp/4.12',
    'Java/21',
    'axios/1.7',
    'node',
    'undici',
    'Googlebot/2.1',
    'a crawler',
    'Baiduspider',
  ])('%j is one', (agent) => expect(isRobot(agent)).toBe(true));
  it.each(['Pianola/0.1.0', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)', 'PianoAnalytics-Android/3.3.7'])(
    '%j is none',
    (agent) => expect(isRobot(agent)).toBe(false),
  );

  it('are excluded before the visitor id is looked at, unless switched off', () => {
    const robot = { ...good, userAgent: 'curl/8', idclient: 'short' };
    expect(checkRequest(robot, DEFAULT_CONFIG)).toEqual({ type: 'robots', cause: 'user_agent' });
    expect(checkRequest(robot, { ...DEFAULT_CONFIG, robotAgents: false })?.cause).toBe('idclient_invalid');
  });
});

describe('client id', () => {
  it.each([
    GUID,
    'kx8a3n1c0q7zv5mt',
    'OPT-OUT',
    'opt-out',
    'no-consent',
    'Consent-NO',
    'no-storage',
    `${GUID}-NO`,
    'opt-out-NO',
  ])('%s passes', (id) => expect(isClientId(id, 'length')).toBe(true));
  it.each(['short', `${GUID}0`, '', '-NO', 'optout'])('%j does not', (id) =>
    expect(isClientId(id, 'length')).toBe(false),
  );

  it('may be checked for its shape, or not at all', () => {
    expect(isClientId('x'.repeat(36), 'length')).toBe(true);
    expect(isClientId('x'.repeat(36), 'shape')).toBe(false);
    expect(isClientId('with space 12345', 'shape')).toBe(false);
    expect(isClientId('anything', 'off')).toBe(true);
  });
});

describe('data model', () => {
  const events = [
    'SUBSCRIPTION_STARTED',
    { name: 'TRIAL_STARTED', status: 'Waiting for approval' },
    { name: 'subscription.renewed', changedAt: 500_000 },
  ];
  const model = new Model(readModel({ events }, 1_000));
  const check = (name: string, config = DEFAULT_CONFIG, now = 2_000_000) => checkName(name, model, config, now);

  it('takes what is declared and validated, and standard events', () => {
    expect(check('SUBSCRIPTION_STARTED')).toBeNull();
    expect(check('page.display')).toBeNull();
  });

  it('names the nearest event when it is not declared', () => {
    const type = 'data_model';
    expect(check('SUBSCRIPTION_START')).toEqual({ type, cause: NOT_DECLARED, detail: 'SUBSCRIPTION_STARTED' });
    expect(check('subscription_started')?.detail).toBe('SUBSCRIPTION_STARTED');
    expect(check('zzzzzzzzzz')?.detail).toBe('unknown name');
  });

  it('minds the case, unless folded', () => {
    expect(check('Subscription.Renewed')).not.toBeNull();
    expect(check('Subscription.Renewed', { ...DEFAULT_CONFIG, eventNameCase: 'fold' })).toBeNull();
  });

  it('does not take what waits for approval', () => {
    expect(check('TRIAL_STARTED')).toMatchObject({ cause: NOT_DECLARED, detail: 'waiting' });
  });

  it('works only after the delay of the service', () => {
    const slow = { ...DEFAULT_CONFIG, modelDelaySeconds: 1_200 };
    expect(check('subscription.renewed', slow, 500_000 + 1_199_999)?.detail).toBe('propagating');
    expect(check('subscription.renewed', slow, 500_000 + 1_200_000)).toBeNull();
    expect(check('page.display', slow, 0)).toBeNull();
  });

  it('does not begin the delay anew for an event declared again as it was', () => {
    const merged = mergeModel(model.document(), readModel({ events: ['SUBSCRIPTION_STARTED', 'NEW'] }, 9_000));
    const changed = Object.fromEntries(merged.events.map((event) => [event.name, event.changedAt]));
    expect(changed).toMatchObject({ SUBSCRIPTION_STARTED: 1_000, NEW: 9_000 });
  });
});
