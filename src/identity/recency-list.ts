// A doubly linked list in order of use, built into its elements: constant time and no allocation per use.

/** What an element must carry. Only the list may change these. */
export interface RecencyLinks<T> {
  newer: T | null;
  older: T | null;
}

/** Elements from the most to the least recently used. An element is in at most one list. */
export class RecencyList<T extends RecencyLinks<T>> {
  #newest: T | null = null;
  #oldest: T | null = null;

  /** The least recently used element. */
  get oldest(): T | null {
    return this.#oldest;
  }

  /** Puts an element that is in no list at the newest end. */
  add(element: T): void {
    element.older = this.#newest;
    element.newer = null;
    if (this.#newest === null) this.#oldest = element;
    else this.#newest.newer = element;
    this.#newest = element;
  }

  /** Moves an element of this list to the newest end. */
  touch(element: T): void {
    if (element === this.#newest) return;
    this.remove(element);
    this.add(element);
  }

  /** Moves an element of this list to the oldest end. */
  retire(element: T): void {
    if (element === this.#oldest) return;
    this.remove(element);
    element.newer = this.#oldest;
    element.older = null;
    if (this.#oldest === null) this.#newest = element;
    else this.#oldest.older = element;
    this.#oldest = element;
  }

  remove(element: T): void {
    if (element.newer === null) this.#newest = element.older;
    else element.newer.older = element.older;
    if (element.older === null) this.#oldest = element.newer;
    else element.older.newer = element.newer;
  }
}
