/** Turns JSON log lines into lines for people: `14:02:11 warn  Destination paused  app=demo reason=dns`. */
interface Line {
  time?: string;
  level?: string;
  msg?: string;
  err?: { message?: string; stack?: string };
  [field: string]: unknown;
}

/** A destination for the log that writes readable lines to `out`. A line that is not JSON passes unchanged. */
export function readable(out: { write(text: string): void }): { write(line: string): void } {
  return { write: (line) => out.write(readableLine(line)) };
}

/** Pure. `line` is one JSON object as the log writes it; the answer ends with a line feed. */
export function readableLine(line: string): string {
  let parsed: Line;
  try {
    parsed = JSON.parse(line) as Line;
  } catch {
    return line.endsWith('\n') ? line : `${line}\n`;
  }
  const { time, level = 'info', msg = '', err, ...fields } = parsed;
  const head = `${time?.slice(11, 19) ?? '        '} ${level.padEnd(5)} ${msg}`;
  const tail = Object.entries(fields).map(([name, value]) => `${name}=${word(value)}`);
  const text = [head, ...tail].join('  ');
  // A stack says where; only errors earn that much room.
  const detail = err && (level === 'error' ? (err.stack ?? err.message) : err.message);
  return detail ? `${text}\n           ${detail.replaceAll('\n', '\n           ')}\n` : `${text}\n`;
}

function word(value: unknown): string {
  if (typeof value === 'string') return /^[^\s="]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
