/** Finds the command, reads its options, turns failures into sentences and exit codes. */
import { parseArgs } from 'node:util';
import { environment, loadConfig } from '../config.ts';
import { PianolaError } from '../errors.ts';
import { ApiError, CLIENT_OPTIONS } from './api-client.ts';
import { type Command, UsageError } from './command.ts';
import { DATABASE_COMMANDS } from './keys.ts';
import { LOOK_COMMANDS } from './look.ts';
import { SERVER_COMMANDS } from './serve.ts';
import { SET_UP_COMMANDS } from './set-up.ts';

const GROUPS: readonly [title: string, commands: readonly Command[]][] = [
  ['Run', SERVER_COMMANDS],
  ['On the machine of the database (they open it themselves)', DATABASE_COMMANDS],
  ['Through the API of a running server', [...SET_UP_COMMANDS, ...LOOK_COMMANDS]],
];

/** @returns the exit code: 0 done, 1 failed, 2 not understood */
export async function run(args: readonly string[], print: (line: string) => void = console.log): Promise<number> {
  const complain = (line: string) => process.stderr.write(`${line}\n`);
  try {
    const command = find(args);
    if (command === null) {
      print(help());
      return args.length === 0 || args.some((arg) => ['help', '--help', '-h'].includes(arg)) ? 0 : 2;
    }
    const rest = args.slice(command.name.split(' ').length);
    if (rest.includes('--help') || rest.includes('-h')) {
      print(`pianola ${command.usage}\n\n${command.summary}`);
      return 0;
    }
    const { values, positionals } = parse(command, rest);
    const roles = typeof values['role'] === 'string' ? { PIANOLA_ROLES: values['role'] } : {};
    const config = loadConfig({ ...environment(), ...roles });
    return (await command.run({ config, words: positionals, values, print })) ?? 0;
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${error.message}\nSee: pianola help`);
      return 2;
    }
    if (error instanceof PianolaError || error instanceof ApiError) {
      complain(`${error.message}\n${error.fix}`);
      return 1;
    }
    complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
}

/** The command with the most words that the arguments begin with. */
function find(args: readonly string[]): Command | null {
  const matches = GROUPS.flatMap(([, commands]) => commands).filter((command) =>
    command.name.split(' ').every((part, index) => args[index] === part),
  );
  return matches.toSorted((a, b) => b.name.length - a.name.length)[0] ?? null;
}

function parse(command: Command, args: string[]) {
  try {
    return parseArgs({ args, options: command.options ?? {}, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function help(): string {
  const width = Math.max(...GROUPS.flatMap(([, commands]) => commands.map((command) => command.usage.length)));
  const groups = GROUPS.map(([title, commands]) =>
    [`${title}:`, ...commands.map((command) => `  ${command.usage.padEnd(width)}  ${command.summary}`)].join('\n'),
  );
  const client = Object.keys(CLIENT_OPTIONS)
    .map((name) => `--${name}`)
    .join(' and ');
  return [
    'pianola: app-store subscription notifications in, events for AT Internet out.',
    ...groups,
    `Commands through the API take ${client}; without them PIANOLA_URL and PIANOLA_API_KEY count, then the configured host and port and, beside a server started with --simulator, the key it left in the data folder.`,
    'Configuration is read from the environment and from .env; see docs/reference/configuration.md.',
  ].join('\n\n');
}
