/** For tests: one stage for a file, a fresh subscriber for each test, and short words to tell its story with. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { line, openStage, type Received, type Stage } from '../stage.ts';
import type { Subscriber } from '../state.ts';

export interface Play {
  stage: Stage;
  /** Whose story it is; may be replaced. */
  who: Subscriber;
  /** Lets it happen; gives what the store said, as `TYPE/SUBTYPE status`. */
  said(action: string, options?: object): Promise<string[]>;
  /** As `said`, when it must be one notification: that one, opened. */
  one(action: string, options?: object): Promise<Received>;
  /** Time passes; what was said about this subscriber alone. */
  passes(ms: number): Promise<Received[]>;
}

export function onStage(): Play {
  const play = {} as Play;
  beforeAll(async () => {
    play.stage = await openStage();
  });
  afterAll(() => play.stage.close());
  beforeEach(() => {
    play.stage.set({});
    play.who = play.stage.subscriber();
  });
  play.said = async (action, options = {}) => (await play.stage.act(play.who, action, { ...options })).map(line);
  play.one = async (action, options = {}) => {
    const [first, ...rest] = await play.stage.act(play.who, action, { ...options });
    expect(rest).toEqual([]);
    return first as Received;
  };
  play.passes = async (ms) => {
    const ids = new Set(play.who.chains.map((chain) => chain.originalTransactionId));
    const all = await play.stage.advance(ms);
    return all.filter((each) => ids.has(each.transaction?.originalTransactionId ?? ''));
  };
  return play;
}
