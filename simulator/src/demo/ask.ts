/** HTTP as the demo needs it: JSON in and out, and a failure a person can act on. */

/** Ends the demo; `fix` says what to do about it. */
export class DemoProblem extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = 'DemoProblem';
    this.fix = fix;
  }
}

export type Json = Record<string, unknown>;

export interface Caller {
  get<Answer = Json>(path: string): Promise<Answer>;
  put<Answer = Json>(path: string, body: object): Promise<Answer>;
  post<Answer = Json>(path: string, body: object): Promise<Answer>;
}

/** Shapes of answers are taken on trust: both sides are ours, and what is missing shows in the table. */
export function caller(who: string, base: string, headers: Record<string, string> = {}): Caller {
  const ask = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const init = { method, headers: { ...headers, ...(body && { 'content-type': 'application/json' }) } };
    const answer = await fetch(base + path, { ...init, ...(body && { body: JSON.stringify(body) }) }).catch(() => {
      throw new DemoProblem(`${who} does not answer at ${base}.`, 'Start Pianola with its simulator first: npm start');
    });
    const text = await answer.text();
    if (answer.ok) return (text === '' ? {} : JSON.parse(text)) as Answer;
    throw refusal(who, `${method} ${path}`, answer.status, text);
  };
  return {
    get: (path) => ask('GET', path),
    put: (path, body) => ask('PUT', path, body),
    post: (path, body) => ask('POST', path, body),
  };
}

function refusal(who: string, what: string, status: number, text: string): DemoProblem {
  let said: { message?: string; fix?: string } = {};
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    // Not one of ours; the status has to do.
  }
  return new DemoProblem(
    `${who} refused ${what} (${status}): ${said.message ?? text.slice(0, 200)}`,
    said.fix ?? 'See the log of Pianola.',
  );
}
