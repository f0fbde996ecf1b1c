import { readFileSync } from 'node:fs';
import { EVENT_CODES, isEventCode } from '../events/catalogue.ts';
import type { EventSetting } from '../integrations/integration.ts';
import { createIntegrations } from '../integrations/index.ts';
import { apiOf, CLIENT_OPTIONS } from './api-client.ts';
import { type Call, columns, type Command, needed, text, UsageError, word } from './command.ts';

const KIND = 'at-internet';

const appCreate: Command = {
  name: 'app create',
  usage: 'app create SLUG --name NAME --currency EUR [--send-unknown-users]',
  summary: 'Create an app, or change it.',
  options: {
    ...CLIENT_OPTIONS,
    name: { type: 'string' },
    currency: { type: 'string' },
    'send-unknown-users': { type: 'boolean' },
  },
  async run(call) {
    const body = {
      name: needed(call, 'name'),
      currency: needed(call, 'currency'),
      sendUnknownUsers: call.values['send-unknown-users'] === true,
    };
    show(call, await apiOf(call).put(`/apps/${segment(word(call, 0, 'The slug of the app'))}`, body));
  },
};

const appList: Command = {
  name: 'app list',
  usage: 'app list',
  summary: 'All apps the key may see.',
  options: CLIENT_OPTIONS,
  async run(call) {
    const apps = await apiOf(call).list('/apps', 10_000);
    call.print(
      columns(
        ['slug', 'name', 'currency', 'app key'],
        apps.map((app) => [app['slug'], app['name'], app['currency'], app['publicKey']].map(String)),
      ),
    );
  },
};

/** `show` and `set` are the same for everything that has a form. */
function formCommands(name: string, usage: string, what: string, path: (call: Call) => string): Command[] {
  return [
    {
      name: `${name} show`,
      usage: `${name} show ${usage}`,
      summary: `Show ${what}; secrets only as "configured".`,
      options: CLIENT_OPTIONS,
      run: async (call) => show(call, await apiOf(call).get(path(call))),
    },
    {
      name: `${name} set`,
      usage: `${name} set ${usage} --file FILE`,
      summary: `Save ${what}, read as JSON from a file (- = standard input). Secrets left out stay.`,
      options: { ...CLIENT_OPTIONS, file: { type: 'string' } },
      run: async (call) => show(call, await apiOf(call).put(path(call), readJson(needed(call, 'file')))),
    },
  ];
}

const storePath = (call: Call) =>
  `/apps/${segment(word(call, 0, 'The slug of the app'))}/stores/${segment(word(call, 1, 'The store'))}`;
const integrationPath = (call: Call) => `/apps/${segment(word(call, 0, 'The slug of the app'))}/integrations/${KIND}`;
const planPath = (call: Call) => `/apps/${segment(word(call, 0, 'The slug of the app'))}/plans`;

const storeCheck: Command = {
  name: 'store check',
  usage: 'store check APP STORE',
  summary: 'Prove that the store can be reached, and reaches us.',
  options: CLIENT_OPTIONS,
  async run(call) {
    const { ok, steps } = (await apiOf(call).post(`${storePath(call)}/check`)) as {
      ok: boolean;
      steps: { name: string; ok: boolean; message: string; fix?: string }[];
    };
    for (const step of steps)
      call.print(
        `${step.ok ? 'ok  ' : 'FAIL'}  ${step.name}: ${step.message}${step.fix === undefined ? '' : ` ${step.fix}`}`,
      );
    return ok ? 0 : 1;
  },
};

interface EventAnswer {
  events: Record<string, EventSetting>;
  warnings: { code: string; level: string; message: string }[];
}

function eventsCommand(enabled: boolean): Command {
  const verb = enabled ? 'enable' : 'disable';
  return {
    name: `events ${verb}`,
    usage: `events ${verb} APP --main-ten | --all | CODE…`,
    summary: `Switch events ${enabled ? 'on' : 'off'}; the others stay as they are.`,
    options: { ...CLIENT_OPTIONS, 'main-ten': { type: 'boolean' }, all: { type: 'boolean' } },
    async run(call) {
      const path = `${integrationPath(call)}/events`;
      const codes = codesOf(call);
      const api = apiOf(call);
      const { events } = (await api.get(path)) as EventAnswer;
      const wanted = { ...events, ...Object.fromEntries(codes.map((code) => [code, { ...events[code], enabled }])) };
      const saved = (await api.put(path, { events: wanted })) as EventAnswer;
      printEvents(call, saved);
    },
  };
}

const eventsShow: Command = {
  name: 'events show',
  usage: 'events show APP',
  summary: 'Which events are on, and under what names.',
  options: CLIENT_OPTIONS,
  run: async (call) => printEvents(call, (await apiOf(call).get(`${integrationPath(call)}/events`)) as EventAnswer),
};

function codesOf(call: Call): readonly string[] {
  const presets = createIntegrations({ allowPrivateTargets: false }).find(
    (integration) => integration.kind === KIND,
  )?.presets;
  const named = call.words.slice(1).map((code) => code.toUpperCase());
  const wrong = named.find((code) => !isEventCode(code));
  if (wrong !== undefined) throw new UsageError(`There is no event ${wrong}; see docs/reference/events.md.`);
  const codes = [
    ...named,
    ...(call.values['main-ten'] === true ? (presets?.['main-ten'] ?? []) : []),
    ...(call.values['all'] === true ? EVENT_CODES : []),
  ];
  if (codes.length === 0) throw new UsageError('Name event codes, or use --main-ten or --all.');
  return codes;
}

function printEvents(call: Call, { events, warnings }: EventAnswer): void {
  const rows = Object.entries(events).map(([code, setting]) => [
    setting.enabled ? 'on' : 'off',
    code,
    setting.name ?? '',
  ]);
  call.print(columns(['', 'event', 'name'], rows));
  for (const { code, level, message } of warnings) call.print(`${level}: ${code}: ${message}`);
}

function show(call: Call, answer: unknown): void {
  call.print(JSON.stringify(answer, null, 2));
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function segment(given: string): string {
  return encodeURIComponent(given);
}

export function queryOf(call: Call, names: Record<string, string>): string {
  const pairs = Object.entries(names).flatMap(([option, name]): [string, string][] => {
    const value = text(call, option);
    return value === undefined ? [] : [[name, value]];
  });
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`;
}

export const SET_UP_COMMANDS: readonly Command[] = [
  appCreate,
  appList,
  ...formCommands('store', 'APP STORE', 'the settings of a store', storePath),
  storeCheck,
  ...formCommands('plans', 'APP', 'the plans of an app', planPath),
  ...formCommands('integration', 'APP', 'the settings for AT Internet', integrationPath),
  eventsShow,
  eventsCommand(true),
  eventsCommand(false),
];
