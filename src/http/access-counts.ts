// Who asked the API for what, counted by kind of request: for the evidence.

/** A request that was answered. */
export interface Access {
  /** `who` of the caller, or `refused`. */
  readonly who: string;
  readonly method: string;
  /** The route's pattern, never what a client wrote. */
  readonly route: string;
  readonly status: number;
}

export interface AccessCount extends Access {
  readonly count: number;
}

const MAX_KINDS = 256;

/** Counts since the start. Kinds are bounded by the routes; should that ever fail, further ones are counted together. */
export class AccessCounts {
  readonly #counts = new Map<string, { access: Access; count: number }>();
  #overflow = 0;

  note(access: Access): void {
    const key = `${access.who} ${access.method} ${access.route} ${access.status}`;
    const entry = this.#counts.get(key);
    if (entry !== undefined) entry.count++;
    else if (this.#counts.size < MAX_KINDS) this.#counts.set(key, { access, count: 1 });
    else this.#overflow++;
  }

  /** In a stable order. */
  counts(): AccessCount[] {
    const keys = [...this.#counts.keys()].sort();
    return keys.map((key) => {
      const { access, count } = this.#counts.get(key)!;
      return { ...access, count };
    });
  }

  get overflow(): number {
    return this.#overflow;
  }
}
