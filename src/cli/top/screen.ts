// A full-screen terminal: takes it over, draws only the lines that changed, and gives it back as it was.
import type { Readable } from 'node:stream';
import { emitKeypressEvents } from 'node:readline';
import type { Output } from '../deps.ts';

/** A terminal as the input of a program. */
export type KeyInput = Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown };

/** A key as readline names it. */
export interface Key {
  /** The character, for keys that have one. */
  readonly text: string;
  /** E.g. `up`, `pagedown`, `return`, `escape`, `a`. */
  readonly name: string;
  readonly ctrl: boolean;
}

/** Alternate screen; no cursor; no wrapping, so that a line can never push others away. xterm control sequences. */
const TAKE = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const GIVE_BACK = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Synchronized output (DEC mode 2026): a terminal that knows it shows a drawing as a whole, others ignore it. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';

export const MIN_ROWS = 8;
export const MIN_COLUMNS = 40;

export class Screen {
  readonly #input: KeyInput;
  readonly #output: Output & { rows?: number };
  readonly #onKey: (key: Key) => void;
  readonly #onResize: () => void;
  #shown: string[] = [];
  #taken = false;

  constructor(input: KeyInput, output: Output, onKey: (key: Key) => void, onResize: () => void) {
    this.#input = input;
    this.#output = output;
    this.#onKey = onKey;
    this.#onResize = () => {
      this.#shown = [];
      onResize();
    };
  }

  get columns(): number {
    return Math.max(MIN_COLUMNS, this.#output.columns || 80);
  }

  get rows(): number {
    return Math.max(MIN_ROWS, this.#output.rows || 24);
  }

  take(): void {
    this.#taken = true;
    emitKeypressEvents(this.#input);
    this.#input.setRawMode?.(true);
    this.#input.on('keypress', this.#keypress);
    this.#input.resume();
    this.#output.on('resize', this.#onResize);
    this.#output.write(TAKE);
  }

  /** Can be called at any time, also twice. */
  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    this.#input.off('keypress', this.#keypress);
    this.#input.setRawMode?.(false);
    this.#input.pause();
    this.#output.off('resize', this.#onResize);
    this.#output.write(GIVE_BACK);
  }

  /** A line for each row; each must fit. A slow terminal gets the next drawing whole instead of a queue of old ones. */
  draw(lines: readonly string[]): void {
    if (!this.#taken || this.#output.writableNeedDrain) return;
    let changes = this.#shown.length === 0 ? '\x1b[2J' : '';
    for (let row = 0; row < this.rows; row++) {
      const line = lines[row] ?? '';
      if (this.#shown[row] === line) continue;
      // Cleared first: after a line as wide as the screen the cursor stands on its last character.
      changes += `\x1b[${row + 1};1H\x1b[K${line}\x1b[0m`;
    }
    this.#shown = lines.slice(0, this.rows);
    if (changes !== '') this.#output.write(BEGIN + changes + END);
  }

  readonly #keypress = (text: string | undefined, key: { name?: string; ctrl?: boolean }): void =>
    this.#onKey({ text: text ?? '', name: key.name ?? '', ctrl: key.ctrl === true });
}
