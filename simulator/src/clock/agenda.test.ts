import { property, array, integer, assert } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Agenda } from './agenda.ts';

const nothing = (): void => {};

describe('agenda', () => {
  it('gives things in order of time, and of planning at the same time', () => {
    assert(
      property(array(integer({ min: 0, max: 20 }), { maxLength: 200 }), (times) => {
        const agenda = new Agenda();
        const taken: number[] = [];
        times.forEach((at, index) => agenda.plan({ at, run: () => void taken.push(index) }));
        for (let due = agenda.take(Infinity); due; due = agenda.take(Infinity)) void due.run(due.at);
        const expected = times.map((at, index) => ({ at, index })).toSorted((a, b) => a.at - b.at || a.index - b.index);
        expect(taken).toEqual(expected.map((one) => one.index));
      }),
    );
  });

  it('keeps back what is not due yet', () => {
    const agenda = new Agenda();
    agenda.plan({ at: 10, run: nothing });
    expect(agenda.take(9)).toBeNull();
    expect(agenda.next()).toBe(10);
    expect(agenda.take(10)?.at).toBe(10);
    expect(agenda.next()).toBeNull();
  });

  it('forgets what is cancelled', () => {
    const agenda = new Agenda();
    const cancel = agenda.plan({ at: 1, run: nothing });
    agenda.plan({ at: 2, run: nothing });
    cancel();
    expect(agenda.next()).toBe(2);
  });
});
