/** The story as a table of text: aligned, readable without colour. */
import { styleText } from 'node:util';
import type { Chapter } from './story.ts';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Colour only where the terminal shows it (NO_COLOR and pipes are respected by Node). */
export const paintFor =
  (stream: NodeJS.WriteStream): Paint =>
  (style, text) =>
    styleText(style, text, { stream });
export const plain: Paint = (_, text) => text;

interface Cell {
  text: string;
  style?: Style;
}
type Row = readonly Cell[];

const HEADS = ['Simulated time', 'Subscriber', 'The App Store says', 'Pianola makes of it', 'AT Internet', 'Visitor'];
const STAR = '★';

const time = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 16).replace('T', ' ');

/** Enough of an id to tell two apart. */
export const short = (id: string): string => (id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-4)}` : id);

function outcomeOf({ event, main, delivery, collected }: Chapter['events'][number]): Cell {
  if (!main) return { text: '–', style: 'dim' };
  const [entry] = collected;
  if (!entry) return { text: `not received (${delivery?.state ?? 'no delivery'})`, style: 'red' };
  if (entry.outcome !== 'accepted') return { text: `${entry.outcome}: ${entry.cause}`, style: 'red' };
  const name = entry.name === event.code ? '' : ` as ${entry.name}`;
  const times = collected.length > 1 ? ` ×${collected.length}` : '';
  return { text: `accepted${name}${times}`, style: 'green' };
}

/** With the amount, where money moved. */
function codeOf({ event, main }: Chapter['events'][number]): Cell {
  const { amount_in_customer_currency: amount, customer_currency: currency } = event.attributes;
  const money = typeof amount === 'number' ? ` ${amount} ${String(currency)}` : '';
  return { text: `${main ? STAR : ' '} ${event.code}${money}`, ...(!main && { style: 'dim' as const }) };
}

const EMPTY: Cell = { text: '' };

function rowsOf({ visitor, notification, signal, events }: Chapter): Row[] {
  const { type, subtype, signedDate } = notification;
  const told = events.map((one): Row => {
    const seenAs = one.collected[0] ? short(one.collected[0].idclient) : '';
    return [codeOf(one), outcomeOf(one), { text: seenAs }];
  });
  const says = [type, ...(subtype === null ? [] : [`  ${subtype}`])];
  const nothing: Row = [{ text: signal ? '  no event' : '  not received', style: 'dim' }];
  return Array.from({ length: Math.max(says.length, told.length) }, (_, index): Row => {
    const first = index === 0;
    const head: Row = first ? [{ text: time(signedDate) }, { text: visitor.life.name }] : [EMPTY, EMPTY];
    return [...head, { text: says[index] ?? '' }, ...(told[index] ?? (first ? nothing : []))];
  });
}

/** One block per notification; `★` marks the events that are switched on. */
export function renderStory(chapters: readonly Chapter[], paint: Paint): string {
  const blocks = chapters.map(rowsOf);
  const widths = HEADS.map((head, column) =>
    Math.max(head.length, ...blocks.flat().map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: Row): string =>
    row
      .map((cell, column) => {
        const padded = cell.text.padEnd(widths[column] ?? 0);
        return cell.style ? paint(cell.style, padded) : padded;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  const heads = line(HEADS.map((text) => ({ text, style: 'bold' })));
  return [heads, rule, ...blocks.map((rows) => rows.map(line).join('\n'))].join('\n');
}
