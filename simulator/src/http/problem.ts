/**
 * A refusal of the control routes: `{code, message, fix}`, as every error of Pianola. What the stand-ins answer in a store's or
 * the collector's own name keeps that service's form instead.
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string;

  constructor(status: number, code: string, message: string, fix: string) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.fix = fix;
  }

  toJSON(): { code: string; message: string; fix: string } {
    return { code: this.code, message: this.message, fix: this.fix };
  }
}

/** A field of a request does not fit; `field` is its path, e.g. `products[0].price`. */
export function invalid(field: string, expected: string): Problem {
  return new Problem(400, 'request_invalid', `${field} must be ${expected}.`, 'Correct this field and send again.');
}

export function notFound(what: string, fix: string): Problem {
  return new Problem(404, 'not_found', `${what} is not known here.`, fix);
}
