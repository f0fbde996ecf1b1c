/** Up, down or across: configured levels, else the store's own word, else across. Price and duration are never used. */
import type { Work } from './chain.ts';
import type { Opening } from './transitions.ts';

/** `word`: the store's own, from the signal that makes the change or the one that booked it. */
export function gradeOf(
  work: Work,
  oldProductId: string | undefined,
  newProductId: string,
  word: 'up' | 'down' | undefined,
): Extract<Opening, 'upgrade' | 'downgrade' | 'crossgrade'> {
  const { plans } = work.input;
  const before = oldProductId === undefined ? undefined : plans.get(oldProductId)?.level;
  const after = plans.get(newProductId)?.level;
  if (before !== undefined && after !== undefined) {
    return after > before ? 'upgrade' : after < before ? 'downgrade' : 'crossgrade';
  }
  if (word) return word === 'up' ? 'upgrade' : 'downgrade';
  work.notes.add('grade_unknown');
  return 'crossgrade';
}
