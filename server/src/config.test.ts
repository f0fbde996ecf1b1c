import { describe, expect, it } from 'vitest';
import { describeConfig, loadConfig, summary } from './config.ts';
import { PianolaError } from './errors.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

function failure(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(PianolaError);
    expect((error as PianolaError).code).toBe('config_invalid');
    return (error as PianolaError).message;
  }
  throw new Error('was accepted');
}

describe('loadConfig', () => {
  it('needs nothing', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8787,
      roles: ['ingest', 'process', 'deliver'],
      trustedProxies: [],
    });
    expect(config.databaseUrl).toBeUndefined();
    expect(config.client.url).toBe('http://127.0.0.1:8787');
  });

  it('takes an empty variable as absent', () => {
    expect(loadConfig({ PIANOLA_PORT: '', DATABASE_URL: '' })).toEqual(loadConfig({}));
  });

  it('reads every variable', () => {
    const config = loadConfig({
      PIANOLA_HOST: '::',
      PIANOLA_PORT: '9000',
      PIANOLA_PUBLIC_URL: 'https://pianola.example.com/',
      PIANOLA_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8,2001:db8::/32',
      DATABASE_URL: 'postgres://u:p@db:5432/pianola',
      PIANOLA_DATABASE_POOL: '4',
      PIANOLA_SECRET_KEY: `${KEY},${KEY}`,
      PIANOLA_ROLES: 'deliver,deliver',
      PIANOLA_LOG_LEVEL: 'warn',
    });
    expect(config).toMatchObject({
      publicUrl: 'https://pianola.example.com',
      trustedProxies: ['loopback', '10.0.0.0/8', '2001:db8::/32'],
      databasePool: 4,
      roles: ['deliver'],
      logLevel: 'warn',
    });
    expect(config.secretKeys).toHaveLength(2);
    expect(config.client.url).toBe('http://[::1]:9000');
  });

  it.each([
    ['PIANOLA_PORT', 'eighty'],
    ['PIANOLA_PORT', '70000'],
    ['PIANOLA_PUBLIC_URL', 'pianola.example.com'],
    ['PIANOLA_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['PIANOLA_TRUSTED_PROXIES', 'everyone'],
    ['DATABASE_URL', 'mysql://db'],
    ['PIANOLA_DATABASE_POOL', '1'],
    ['PIANOLA_SECRET_KEY', 'short'],
    ['PIANOLA_ROLES', 'ingest,dance'],
    ['PIANOLA_LOG_LEVEL', 'loud'],
  ])('refuses %s=%s by name', (name, value) => {
    expect(failure({ [name]: value })).toContain(`${name}: `);
  });

  it('names all wrong variables at once', () => {
    const message = failure({ PIANOLA_PORT: 'x', PIANOLA_LOG_LEVEL: 'y' });
    expect(message).toContain('PIANOLA_PORT');
    expect(message).toContain('PIANOLA_LOG_LEVEL');
  });
});

describe('summary', () => {
  it('shows no secret', () => {
    const secrets = {
      DATABASE_URL: 'postgres://anna:hunter2@db:5432/pianola?password=hunter3',
      PIANOLA_SECRET_KEY: KEY,
      PIANOLA_API_KEY: 'pianola_x',
    };
    const text = JSON.stringify(summary(loadConfig(secrets)));
    expect(text).toContain('postgres://db:5432/pianola');
    expect(text).toContain('"sealing":"configured"');
    for (const secret of ['anna', 'hunter2', 'hunter3', KEY, 'pianola_x']) expect(text).not.toContain(secret);
  });
});

describe('describeConfig', () => {
  it('describes every variable', () => {
    for (const variable of describeConfig()) expect(variable.description, variable.name).not.toBe('');
    expect(describeConfig().find((variable) => variable.name === 'PIANOLA_PORT')?.fallback).toBe('8787');
  });
});
