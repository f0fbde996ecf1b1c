/**
 * The configuration: one schema over the environment, read here and nowhere else. Every key is described; the page
 * docs/reference/configuration.md and the start-up summary come from the same table.
 */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { PianolaError } from './errors.ts';

const ROLES = ['ingest', 'process', 'deliver'] as const;
export type Role = (typeof ROLES)[number];

const port = z.coerce.number<string>().int().min(0).max(65_535);
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const secretKeys = z.string().transform((text, context) => {
  const keys = text.split(',').map((part) => Buffer.from(part.trim(), 'base64'));
  if (keys.some((key) => key.length !== 32))
    context.addIssue('needs 32 bytes in base64; make one with: openssl rand -base64 32');
  return keys as readonly Uint8Array[];
});

const publicUrl = z
  .url({ protocol: /^https?$/, error: 'needs an absolute http or https URL' })
  .transform((text) => text.replace(/\/+$/, ''));

const proxies = z.string().transform((text, context) => {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  const wrong = parts.find((part) => !isNetwork(part));
  if (wrong !== undefined)
    context.addIssue(
      `“${wrong}” is neither an address, a network such as 10.0.0.0/8, nor one of loopback, linklocal, uniquelocal`,
    );
  return parts as readonly string[];
});

const roles = z.string().transform((text, context) => {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  const wrong = parts.find((part) => !ROLES.includes(part as Role));
  if (wrong !== undefined || parts.length === 0) context.addIssue(`needs one or more of ${ROLES.join(', ')}`);
  return [...new Set(parts)] as readonly Role[];
});

const schema = z.object({
  PIANOLA_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. Behind a proxy on the same machine, leave it; in a container, `0.0.0.0`.'),
  PIANOLA_PORT: port.default(8787).describe('Port to listen on; 0 takes a free one.'),
  PIANOLA_PUBLIC_URL: publicUrl
    .optional()
    .describe(
      'Where the stores and people reach this server, e.g. `https://pianola.example.com`. Shown in set-up texts; needed behind a proxy.',
    ),
  PIANOLA_TRUSTED_PROXIES: proxies
    .default([])
    .describe(
      'Proxies whose `X-Forwarded-For` is believed: addresses, networks, `loopback`, `linklocal` or `uniquelocal`, separated by commas.',
    ),
  PIANOLA_DATA_DIR: z
    .string()
    .min(1)
    .default('.pianola')
    .transform((path) => resolve(path))
    .describe('Folder of the embedded database and the generated key file, relative to the current folder.'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'needs the form postgres://user:password@host:5432/database')
    .optional()
    .describe('PostgreSQL 15 or later. Without it, an embedded PostgreSQL runs in the data folder.'),
  PIANOLA_DATABASE_POOL: z.coerce
    .number<string>()
    .int()
    .min(2)
    .max(200)
    .default(12)
    .describe('Connections to PostgreSQL at most, per process.'),
  PIANOLA_SECRET_KEY: secretKeys
    .optional()
    .describe(
      'Key that seals stored secrets: 32 bytes in base64. Several, separated by commas, while a key is being changed: the first seals, all open. Without it, a key file is made in the data folder.',
    ),
  PIANOLA_ROLES: roles
    .default(ROLES)
    .describe(
      'What this process does: any of ingest, process, deliver, separated by commas. One process does everything by default.',
    ),
  PIANOLA_LOG_LEVEL: z
    .enum(LOG_LEVELS)
    .default('info')
    .describe('Least level that is logged: trace, debug, info, warn, error, fatal or silent.'),
  PIANOLA_SDK_REQUESTS_PER_MINUTE: z.coerce
    .number<string>()
    .int()
    .min(1)
    .max(1_000_000)
    .default(600)
    .describe('Requests a minute that one app key may make from one address on `/sdk/v1`.'),
  PIANOLA_SIMULATOR_COLLECTOR_PORT: port
    .default(8790)
    .describe('With `--simulator`: port of the simulated AT Internet collector.'),
  PIANOLA_SIMULATOR_STORES_PORT: port.default(8791).describe('With `--simulator`: port of the simulated stores.'),
  PIANOLA_URL: publicUrl
    .optional()
    .describe('Command line only: the server that commands talk to. Default: the configured host and port.'),
  PIANOLA_API_KEY: z.string().min(1).optional().describe('Command line only: the API key that commands use.'),
});

export interface Config {
  host: string;
  port: number;
  /** Without a trailing slash. */
  publicUrl?: string | undefined;
  trustedProxies: readonly string[];
  /** Absolute path. */
  dataDir: string;
  /** Absent = embedded PostgreSQL in `dataDir`. */
  databaseUrl?: string | undefined;
  databasePool: number;
  /** For `loadSealingKeys`; absent = the key file in `dataDir`. */
  secretKeys?: readonly Uint8Array[] | undefined;
  roles: readonly Role[];
  logLevel: (typeof LOG_LEVELS)[number];
  sdkRequestsPerMinute: number;
  simulator: { collectorPort: number; storesPort: number };
  client: { url: string; apiKey?: string | undefined };
}

/** The environment of this process, with what a `.env` file in the current folder adds to it. */
export function environment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/**
 * An empty variable counts as absent, as it does in a shell and in compose files.
 * @throws PianolaError config_invalid naming every variable that cannot be used
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.keys(schema.shape).flatMap((key) => (env[key] ? [[key, env[key]]] : [])));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}.`);
    throw new PianolaError('config_invalid', lines.join(' '));
  }
  const known = parsed.data;
  return {
    host: known.PIANOLA_HOST,
    port: known.PIANOLA_PORT,
    publicUrl: known.PIANOLA_PUBLIC_URL,
    trustedProxies: known.PIANOLA_TRUSTED_PROXIES,
    dataDir: known.PIANOLA_DATA_DIR,
    databaseUrl: known.DATABASE_URL,
    databasePool: known.PIANOLA_DATABASE_POOL,
    secretKeys: known.PIANOLA_SECRET_KEY,
    roles: known.PIANOLA_ROLES,
    logLevel: known.PIANOLA_LOG_LEVEL,
    sdkRequestsPerMinute: known.PIANOLA_SDK_REQUESTS_PER_MINUTE,
    simulator: {
      collectorPort: known.PIANOLA_SIMULATOR_COLLECTOR_PORT,
      storesPort: known.PIANOLA_SIMULATOR_STORES_PORT,
    },
    client: {
      url: known.PIANOLA_URL ?? httpUrl(known.PIANOLA_HOST, known.PIANOLA_PORT),
      apiKey: known.PIANOLA_API_KEY,
    },
  };
}

/** One line of what runs, for the log at start; secrets are only ever "configured". */
export function summary(config: Config): Record<string, string | number> {
  return {
    listen: httpUrl(config.host, config.port),
    publicUrl: config.publicUrl ?? 'not set',
    trustedProxies: config.trustedProxies.join(', ') || 'none',
    database:
      config.databaseUrl === undefined ? `embedded in ${config.dataDir}` : withoutCredentials(config.databaseUrl),
    databasePool: config.databasePool,
    // Not named after a secret: the log masks whatever is.
    sealing: config.secretKeys === undefined ? 'key file in the data folder' : 'configured',
    roles: config.roles.join(', '),
    logLevel: config.logLevel,
  };
}

export interface Variable {
  name: string;
  description: string;
  /** As it would be written in the environment; null = no default. */
  fallback: string | null;
}

/** Every variable, for the reference page. */
export function describeConfig(): Variable[] {
  const defaults: Record<string, string> = { PIANOLA_DATA_DIR: '.pianola', PIANOLA_ROLES: ROLES.join(',') };
  return Object.entries(schema.shape).map(([name, type]) => {
    const parsed = type.safeParse(undefined);
    const value = defaults[name] ?? (parsed.success && parsed.data !== undefined ? String(parsed.data) : '');
    return { name, description: type.description ?? '', fallback: value === '' ? null : value };
  });
}

function httpUrl(host: string, portNumber: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${portNumber}`;
}

/** Host, port and database; no user, no password, no options (which may hold a password too). */
function withoutCredentials(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
