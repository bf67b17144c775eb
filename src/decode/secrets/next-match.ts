// Finds the next match of a pattern from where one is, again and again, in linear time.

/** For positions that only grow: each part of the text is searched once. The pattern has the flag g. */
export class Next {
  readonly #pattern: RegExp;
  readonly #text: string;
  #found = -1;

  constructor(pattern: RegExp, text: string) {
    this.#pattern = pattern;
    this.#text = text;
  }

  /** Where the next match at or after `position` begins; the text's length when there is none. */
  from(position: number): number {
    if (this.#found < position) {
      this.#pattern.lastIndex = position;
      this.#found = this.#pattern.exec(this.#text)?.index ?? this.#text.length;
    }
    return this.#found;
  }
}
