/**
 * The rules of the house as data. Each rule names what it forbids, finds breaches in a list of files, and carries a file
 * that breaks it, so that a rule that has gone blind is noticed.
 */
import { type Import, importsOf, type SourceFile, withoutComments } from './source.ts';

export interface Rule {
  name: string;
  /** One line per breach: `path: what`. */
  breaches(files: readonly SourceFile[]): string[];
  /** Breaks the rule. */
  bites: SourceFile;
}

export const MAX_LINES = 400;
const isTest = (path: string) => /\.test\.ts$|\/fixtures?\//.test(path) || path.startsWith('server/test/');
const isCode = (path: string) => path.endsWith('.ts');
const inServer = (path: string) => path.startsWith('server/src/');

/** Checks each import of the files a rule is about. `allows` answers false, or why not, for a forbidden one. */
function importRule(
  name: string,
  about: (path: string) => boolean,
  allows: (one: Import, from: string) => boolean,
  bites: SourceFile,
): Rule {
  return {
    name,
    breaches: (files) =>
      files
        .filter((file) => isCode(file.path) && about(file.path))
        .flatMap((file) =>
          importsOf(file)
            .filter((one) => !allows(one, file.path))
            .map((one) => `${file.path}: imports ${one.specifier}`),
        ),
    bites,
  };
}

/** Forbids a pattern in the code (comments aside) of the files a rule is about. */
function patternRule(
  name: string,
  about: (path: string) => boolean,
  pattern: RegExp,
  bites: SourceFile,
  keepComments = false,
): Rule {
  return {
    name,
    breaches: (files) =>
      files
        .filter((file) => about(file.path))
        .flatMap((file) => {
          const text = keepComments ? file.text : withoutComments(file.text);
          const found = text.match(pattern);
          return found ? [`${file.path}: ${found[0].trim().slice(0, 80)}`] : [];
        }),
    bites,
  };
}

/** First path segment below `server/src`, for a file at its top the file's own name. */
function stageOf(path: string): string {
  return path.slice('server/src/'.length).split('/')[0] ?? '';
}

/**
 * Who may import whom inside `server/src`: stage → the stages it may import. `types` may be imported as types only.
 * Everything may import `errors.ts` and `lib/`; `main.ts`, `cli.ts` and `generate.ts` wire things together and may import all.
 * Tests may import more than what they test; they are not bound by this table.
 */
const MAY_IMPORT: Record<string, { code: readonly string[]; types?: readonly string[] }> = {
  lib: { code: [] },
  'errors.ts': { code: [] },
  'config.ts': { code: [] },
  observe: { code: [] },
  events: { code: [] },
  lifecycle: { code: ['events'] },
  stores: { code: ['events'], types: ['lifecycle'] },
  integrations: { code: ['events'] },
  storage: { code: ['events', 'stores', 'integrations'], types: ['lifecycle', 'observe'] },
  identity: { code: ['storage', 'events'], types: ['observe'] },
  delivery: { code: ['storage', 'integrations', 'events'], types: ['observe'] },
  ingest: {
    code: ['storage', 'stores', 'lifecycle', 'identity', 'integrations', 'delivery', 'events'],
    types: ['observe'],
  },
  http: {
    code: [
      'storage',
      'stores',
      'identity',
      'integrations',
      'delivery',
      'ingest',
      'events',
      'observe',
      'lifecycle',
      'config.ts',
    ],
  },
};
const WIRING = new Set(['main.ts', 'cli.ts', 'commands', 'generate.ts']);
const FOR_ALL = new Set(['errors.ts', 'lib']);

const stages: Rule = importRule(
  'each stage imports only what stands before it',
  (path) => inServer(path) && !isTest(path) && !WIRING.has(stageOf(path)),
  (one, from) => {
    if (one.target === null || !inServer(one.target)) return true;
    const [here, there] = [stageOf(from), stageOf(one.target)];
    if (here === there || FOR_ALL.has(there)) return true;
    const allowed = MAY_IMPORT[here];
    return (
      allowed !== undefined &&
      (allowed.code.includes(there) || (one.typeOnly && (allowed.types?.includes(there) ?? false)))
    );
  },
  { path: 'server/src/lifecycle/reduce.ts', text: "import { apple } from '../stores/apple/index.ts';" },
);

const storesApart: Rule = importRule(
  'a store knows its own folder, the contract and neutral facts, no other store',
  (path) => /^server\/src\/stores\/[^/]+\//.test(path) && !isTest(path),
  ({ target }, from) => {
    if (target === null) return true;
    const own = from.split('/').slice(0, 4).join('/');
    return (
      target.startsWith(`${own}/`) ||
      target === 'server/src/stores/store.ts' ||
      /^server\/src\/(events|lib|errors\.ts|lifecycle\/fact\.ts)/.test(target)
    );
  },
  { path: 'server/src/stores/apple/translate.ts', text: "import type { X } from '../google/payload.ts';" },
);

const integrationsApart: Rule = importRule(
  'an integration knows no other integration',
  (path) => /^server\/src\/integrations\/[^/]+\//.test(path) && !isTest(path),
  ({ target }, from) => {
    if (target === null || !target.startsWith('server/src/integrations/')) return true;
    return (
      target.startsWith(`${from.split('/').slice(0, 4).join('/')}/`) ||
      target === 'server/src/integrations/integration.ts'
    );
  },
  { path: 'server/src/integrations/at-internet/encode.ts', text: "import { x } from '../webhook/encode.ts';" },
);

const pure: Rule = importRule(
  'translate, reduce, encode and read do no input or output',
  (path) =>
    /^server\/src\/(lifecycle\/|events\/|stores\/[^/]+\/translate|integrations\/[^/]+\/(encode|read)\.ts)/.test(path) &&
    !isTest(path),
  ({ specifier }) =>
    !/^(undici|pg|fastify|node:(fs|net|http|https|dns|child_process|timers|worker_threads).*)$/.test(specifier),
  { path: 'server/src/lifecycle/reduce.ts', text: "import { readFile } from 'node:fs/promises';" },
);

const workspace = (path: string) => path.split('/')[0];
const worldsApart: Rule = importRule(
  'server, simulator and SDK do not import one another, and nothing imports a test',
  (path) => isCode(path) && !isTest(path),
  ({ target, specifier }, from) => {
    if (specifier.startsWith('@pianola/') || specifier.endsWith('.test.ts')) return false;
    if (target === null) return true;
    // The benches measure the server's parts, drive its processes with the tests' harness, and sign as the simulator does.
    if (workspace(from) === 'bench') return true;
    if (target.startsWith('server/test/')) return false;
    return workspace(target) === workspace(from);
  },
  {
    path: 'simulator/src/stores/apple/sign.ts',
    text: "import { verify } from '../../../../server/src/stores/apple/verify.ts';",
  },
);

const databaseClient: Rule = importRule(
  'only storage speaks to PostgreSQL',
  (path) => inServer(path) && !isTest(path) && !path.startsWith('server/src/storage/'),
  ({ specifier }) => specifier !== 'pg',
  { path: 'server/src/ingest/receive.ts', text: "import pg from 'pg';" },
);

const metricsClient: Rule = importRule(
  'prom-client and pino are imported in observe/ only',
  (path) => inServer(path) && !isTest(path) && !path.startsWith('server/src/observe/'),
  ({ specifier }) => specifier !== 'prom-client' && specifier !== 'pino',
  { path: 'server/src/http/app.ts', text: "import { Counter } from 'prom-client';" },
);

const sqlInStorage: Rule = patternRule(
  'SQL lives in storage/ only',
  (path) => inServer(path) && isCode(path) && !isTest(path) && !path.startsWith('server/src/storage/'),
  /['"`]\s*(select\s[^'"`]+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|index)\s|with\s+\w+\s+as\s*\(|pg_(try_)?advisory)/i,
  { path: 'server/src/ingest/process.ts', text: 'const text = `select id from chain where app_id = $1`;' },
);

const environment: Rule = patternRule(
  'only config.ts reads the environment (a child process may be handed all of it)',
  (path) => inServer(path) && isCode(path) && !isTest(path) && path !== 'server/src/config.ts',
  /(?<!\.\.\.)\bprocess\s*(\.|\[\s*['"])\s*(env\b|loadEnvFile)|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/,
  { path: 'server/src/http/app.ts', text: "const port = process.env['PIANOLA_PORT'];" },
);

const noDatabaseClock: Rule = patternRule(
  "SQL takes now as a parameter: no clock of the database's own",
  (path) =>
    path.startsWith('server/src/storage/queries/') &&
    isCode(path) &&
    !isTest(path) &&
    !/\/(lease|shard-lease|sending)\.ts$/.test(path),
  /\b(now\s*\(\s*\)|current_timestamp|clock_timestamp|statement_timestamp)/i,
  {
    path: 'server/src/storage/queries/event.ts',
    text: 'const text = `insert into event (created_at) values (now())`;',
  },
);

/**
 * A store's name as a value, a property or a path; prose that mentions one as an example is no code. Stores are named in their
 * own folder and in the registry; the dataset's closed list of store codes says nothing about a store.
 */
const STORE = '(apple|google|amazon|huawei|stripe)';
const STORE_NAMES = new RegExp(
  `'${STORE}'|\\.${STORE}\\b|stores/${STORE}/|'(APPLE_APP_STORE|GOOGLE_PLAY_STORE|AMAZON_APPSTORE|HUAWEI_APPGALLERY|STRIPE)'`,
);
const MAY_NAME_STORES = new Set([
  'server/src/stores/index.ts',
  'server/src/events/event.ts',
  'server/src/events/catalogue.ts',
  'server/src/events/attributes.ts',
]);

const storeNames: Rule = patternRule(
  'no code names a store outside its folder and the registry',
  (path) =>
    inServer(path) &&
    isCode(path) &&
    !isTest(path) &&
    !/^server\/src\/stores\/[^/]+\//.test(path) &&
    !MAY_NAME_STORES.has(path),
  STORE_NAMES,
  { path: 'server/src/lifecycle/reduce.ts', text: "if (facts.store === 'APPLE_APP_STORE') return;" },
);

const lineLimit: Rule = {
  name: `no file has more than ${MAX_LINES} lines`,
  breaches: (files) =>
    files
      .filter((file) => isCode(file.path) && !file.path.endsWith('.generated.ts'))
      .map((file) => ({ path: file.path, lines: file.text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ path, lines }) => `${path}: ${lines} lines`),
  bites: { path: 'server/src/http/app.ts', text: 'x;\n'.repeat(MAX_LINES + 1) },
};

const defaultExports: Rule = patternRule(
  'no default exports, but where a tool wants one',
  (path) => isCode(path) && !/(\.config|-global)\.ts$/.test(path),
  /^export\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/m,
  { path: 'server/src/http/app.ts', text: 'export default function app() {}' },
);

const unfinished: Rule = patternRule(
  'nothing is left to be done in a comment',
  () => true,
  new RegExp(['TO', 'DO\\b|FIX', 'ME\\b|\\bXXX\\b|\\bHACK\\b'].join('')),
  { path: 'server/src/http/app.ts', text: ['// TO', 'DO: later'].join('') },
  true,
);

const EMPTY_NAMES = /(^|[/-])(utils?|helpers?|common|managers?|services?|handlers?|base|misc)([-./]|$)/;
const names: Rule = {
  name: 'no file or folder has a name that says nothing',
  breaches: (files) =>
    files.filter((file) => EMPTY_NAMES.test(file.path)).map((file) => `${file.path}: its name says nothing`),
  bites: { path: 'server/src/http/request-helpers.ts', text: '' },
};

const kebab: Rule = {
  name: 'files are named in kebab-case',
  breaches: (files) =>
    files
      .filter(
        (file) =>
          isCode(file.path) &&
          !/^[a-z0-9]+(-[a-z0-9]+)*(\.(property|test|config|generated|d))*\.ts$/.test(
            file.path.split('/').at(-1) ?? '',
          ),
      )
      .map((file) => `${file.path}: not kebab-case`),
  bites: { path: 'server/src/http/rawBody.ts', text: '' },
};

const elsewhere: Rule = patternRule(
  'nothing names a folder of one machine',
  () => true,
  new RegExp(['/', '(home|Users|work)', '/[a-z]'].join('')),
  { path: 'server/src/http/app.ts', text: ["const root = '/wo", "rk/x';"].join('') },
  true,
);

export const RULES: readonly Rule[] = [
  stages,
  storesApart,
  integrationsApart,
  pure,
  worldsApart,
  databaseClient,
  metricsClient,
  sqlInStorage,
  environment,
  noDatabaseClock,
  storeNames,
  lineLimit,
  defaultExports,
  unfinished,
  names,
  kebab,
  elsewhere,
];
