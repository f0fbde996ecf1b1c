/** What processes use, from /proc (Linux). Elsewhere nothing is known, and the table shows a dash. */
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks of /proc per second; fixed by the Linux ABI for user space. */
const TICKS = 100;

export interface Stat {
  pid: number;
  parent: number;
  /** CPU seconds of the process itself. */
  own: number;
  /** CPU seconds of its children that have ended and been waited for. */
  ended: number;
}

/** Parses `/proc/<pid>/stat`. The command stands in parentheses and may contain anything, parentheses included. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (index: number) => Number(fields[index]);
  return {
    pid: Number.parseInt(text, 10),
    parent: ticks(1),
    own: (ticks(11) + ticks(12)) / TICKS,
    ended: (ticks(13) + ticks(14)) / TICKS,
  };
}

function allStats(): Stat[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          return [parseStat(readFileSync(`/proc/${name}/stat`, 'utf8'))];
        } catch {
          return [];
        }
      });
  } catch {
    return [];
  }
}

/** CPU seconds of one process alone; null = not known. */
export function cpuOf(pid: number): number | null {
  return allStats().find((stat) => stat.pid === pid)?.own ?? null;
}

/** CPU seconds of a process with everything it started, ended children included. */
export function cpuOfTree(pid: number): number | null {
  const stats = allStats();
  const top = stats.find((stat) => stat.pid === pid);
  if (!top) return null;
  const below = (one: Stat): number =>
    one.own + one.ended + stats.filter((stat) => stat.parent === one.pid).reduce((sum, stat) => sum + below(stat), 0);
  return below(top);
}

/** Resident memory in MB; null = not known. */
export function memoryOf(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}

/** The child of `parent` whose command line contains `word`. */
export function childOf(parent: number, word: string): number | null {
  for (const stat of allStats()) {
    if (stat.parent !== parent) continue;
    try {
      if (readFileSync(`/proc/${stat.pid}/cmdline`, 'utf8').includes(word)) return stat.pid;
    } catch {
      // It has just ended.
    }
  }
  return null;
}
