import { type Config, summary } from '../config.ts';
import { VERSION } from '../version.ts';
import { withDatabaseUrl } from './database.ts';
import type { Command } from './command.ts';

const start: Command = {
  name: 'start',
  usage: 'start [--simulator] [--role ingest,process,deliver]',
  summary: 'Start the server; --simulator plays the stores and AT Internet too, for trying out.',
  options: { simulator: { type: 'boolean' }, role: { type: 'string' } },
  async run({ config, values, print }) {
    const simulator = values['simulator'] === true;
    const { start: startServer } = await import('../main.ts');
    const stopped = Promise.withResolvers<number>();
    // Listened to from the beginning: an operator may change their mind while the database starts.
    let running: Promise<{ stop(): Promise<void> }> | undefined;
    let asked = false;
    const onSignal = () => {
      // Asked twice: whoever asks does not want to wait.
      if (asked) process.exit(130);
      asked = true;
      void Promise.resolve(running)
        .then((server) => server?.stop())
        .then(
          () => stopped.resolve(0),
          () => stopped.resolve(1),
        );
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
    const starting = startServer(config, { simulator });
    running = starting;
    const server = await starting;
    if (!asked)
      print(
        process.stdout.isTTY
          ? whereEverythingIs(config, server)
          : JSON.stringify({ ready: true, url: server.url, ...server.simulator }),
      );
    return stopped.promise;
  },
};

interface Places {
  url: string;
  simulator?: { collector: string; stores: string };
}

function whereEverythingIs(config: Config, { url, simulator }: Places): string {
  const lines = [
    ['Notifications', `${config.publicUrl ?? url}/stores/<store>/<app>`],
    ['API', `${url}/api/v1, described at ${url}/api/openapi.json`],
    ['Health', `${url}/readyz`],
    ['Database', String(summary(config)['database'])],
    ...(simulator === undefined
      ? []
      : [
          ['Simulated AT Internet', simulator.collector],
          ['Simulated stores', simulator.stores],
          ['API key', `${config.dataDir}/simulator-api-key`],
        ]),
  ];
  const head = `Pianola ${VERSION} is ready.${simulator === undefined ? '' : ' SIMULATOR: nothing here is real.'}`;
  return [head, ...lines.map(([what = '', where]) => `  ${what.padEnd(22)}${where}`)].join('\n');
}

const migrate: Command = {
  name: 'migrate',
  usage: 'migrate',
  summary: 'Bring the database up to this version, without starting the server (which does so by itself).',
  async run({ config, print }) {
    const { migrate: migrateDatabase } = await import('../storage/migrate.ts');
    const applied = await withDatabaseUrl(config, (url) => migrateDatabase(url, Date.now()));
    print(applied.length === 0 ? 'Nothing to do.' : `Applied: ${applied.join(', ')}.`);
  },
};

export const SERVER_COMMANDS: readonly Command[] = [start, migrate];
