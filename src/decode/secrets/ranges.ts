// What is to be masked in one text, and how much work may still be done to find it.

/** Takes the place of one secret in its text. */
export const MASK = '***';

/**
 * Work that one argument vector may cost, whatever its bytes say: a step is 20 to 40 ns. 4 KiB of ordinary arguments
 * need at most about 1600.
 */
export const MAX_STEPS = 2048;
const BYTES_PER_STEP = 2;

/** The budget where `argvBytes` of arguments are kept: who wants more than 4 KiB pays for reading them. */
export const budgetFor = (argvBytes: number) =>
  new Budget(Math.max(MAX_STEPS, Math.ceil(argvBytes / BYTES_PER_STEP)));

/** Steps of each piece of work, by what it was measured to cost. */
export const STEPS = {
  /** An argument that is one plain word. */
  argument: 2,
  /** The same where the program has rules of its own. */
  ruledArgument: 4,
  /** An argument with punctuation, besides its length. */
  text: 3,
  /** Characters that are searched in one step. */
  charactersPerStep: 16,
  /** A word of a script. */
  word: 4,
  /** One with no name of a secret near. */
  skippedWord: 2,
  /** A quotation in a word of a script, which is read as a script. */
  quotation: 8,
  /** An equal sign or a colon, with the name before it. */
  sign: 2,
  /** The name is that of a secret: its value is looked at. */
  secretName: 6,
  /** A part that is masked. */
  range: 12,
} as const;

/** Counts down. Once it has run out it stays so until the next argument vector. */
export class Budget {
  #left: number;
  readonly #steps: number;

  constructor(steps = MAX_STEPS) {
    this.#steps = steps;
    this.#left = steps;
  }

  reset(): void {
    this.#left = this.#steps;
  }

  /** False when there is not so much left: the caller masks what it has not read. */
  take(steps: number): boolean {
    this.#left -= steps;
    return this.#left >= 0;
  }

  get exhausted(): boolean {
    return this.#left < 0;
  }

  /** More than the limit by no more than the last piece of work. */
  get taken(): number {
    return this.#steps - this.#left;
  }
}

/** Parts of a text that are to be masked. */
export class Ranges {
  readonly budget: Budget;
  readonly #pairs: [from: number, to: number][] = [];
  /** Where the text that is being read begins in the text to mask. */
  offset = 0;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  reset(): this {
    // Setting the length costs more than looking at it, and mostly there was nothing.
    if (this.#pairs.length > 0) this.#pairs.length = 0;
    this.offset = 0;
    return this;
  }

  add(from: number, to: number): void {
    if (from >= to) return;
    this.budget.take(STEPS.range);
    this.#pairs.push([from + this.offset, to + this.offset]);
  }

  /** As `add`. True when the budget is used up by it: all up to `end` is masked then, and the search ends. */
  addBounded(from: number, to: number, end: number): boolean {
    this.add(from, to);
    if (!this.budget.exhausted) return false;
    this.add(to, end);
    return true;
  }

  get empty(): boolean {
    return this.#pairs.length === 0;
  }

  /** The text with its ranges masked, overlapping ones once. */
  apply(text: string): string {
    let masked = '';
    let end = 0;
    for (const [from, to] of this.#pairs.sort((a, b) => a[0] - b[0])) {
      if (to <= end) continue;
      if (from >= end) masked += text.slice(end, from) + MASK;
      end = to;
    }
    return masked + text.slice(end);
  }
}
