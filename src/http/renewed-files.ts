// Files that something else renews while they are in use: a certificate of cert-manager, a Secret that is swapped.
//
// They are read whole each time and their contents compared, not times or inodes: the kubelet swaps a symbolic link of the
// directory above, which a watch would not show, and an editor may write in place. What cannot be used leaves what was before
// in use, and is told once.

export interface RenewedFilesOptions<T> {
  /** Reads all of them. Throws in words when they cannot be used: half of a change does not fit together, for one. */
  readonly read: () => T;
  /** What makes one content another. */
  readonly textOf: (content: T) => string;
  /** Given what is new and can be used. May throw in words as well. */
  readonly use: (content: T) => void;
  /** Told of a problem that is not the one before. */
  readonly failed: (problem: string) => void;
}

export class RenewedFiles<T> {
  readonly #options: RenewedFilesOptions<T>;
  #used: string | null;
  #problem: string | null = null;

  /** `current` is what is in use already; null when nothing is. */
  constructor(options: RenewedFilesOptions<T>, current: T | null = null) {
    this.#options = options;
    this.#used = current === null ? null : options.textOf(current);
  }

  /** Why the files as they are now cannot be used; null when they can. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Looks once. Never throws. */
  look(): void {
    const { read, textOf, use, failed } = this.#options;
    try {
      const content = read();
      const text = textOf(content);
      if (text !== this.#used) use(content);
      this.#used = text;
      this.#problem = null;
    } catch (error) {
      const { message } = error as Error;
      const isNew = message !== this.#problem;
      this.#problem = message;
      if (isNew) failed(message);
    }
  }
}
