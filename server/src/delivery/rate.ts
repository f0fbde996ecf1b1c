/** This process's requests to one target: how many a second pass, and how many more may. Times are real, in ms. */
export class Rate {
  #second = 0;
  #current = 0;
  #previous = 0;
  #tokens = 0;
  #filledAt = 0;

  /** A request passes at `at`. */
  count(at: number): void {
    const second = Math.floor(at / 1000);
    if (second !== this.#second) {
      this.#previous = second === this.#second + 1 ? this.#current : 0;
      this.#current = 0;
      this.#second = second;
    }
    this.#current++;
    this.#tokens--;
  }

  /** The busier of this second and the one before; 1 at least. */
  perSecond(): number {
    return Math.max(this.#current, this.#previous, 1);
  }

  /**
   * Requests that may pass now.
   * @param limit requests a second; null = no limit
   */
  room(limit: number | null, at: number): number {
    if (limit === null) return Infinity;
    // Never more than a second's worth at once, and never so little that nothing ever passes.
    // What passed before there was a limit is no debt.
    this.#tokens = Math.min(Math.max(1, limit), Math.max(0, this.#tokens) + ((at - this.#filledAt) / 1000) * limit);
    this.#filledAt = at;
    return Math.max(0, Math.floor(this.#tokens));
  }
}
