// `cognitod top`: the node, live, in a terminal.
import { routes } from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { Query } from '../client.ts';
import type { Context } from '../context.ts';
import { showText } from '../process-text.ts';
import { harmless } from '../text.ts';
import { look, type Look } from './feed.ts';
import { compose } from './frame.ts';
import { type Key, Screen } from './screen.ts';
import { initialState, press, type Shown, type TopState, type View } from './state.ts';

export interface TopOptions {
  readonly view: View;
  /** Between two looks at the agent. */
  readonly intervalSeconds: number;
  readonly filters: Query;
}

/** Why the program ends other than by `q`. */
const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;

/** Resolves when the user quits. @throws CognitodError when the first look fails, or when there is no terminal */
export async function top(context: Context, options: TopOptions): Promise<void> {
  const { deps } = context;
  if (deps.stdin.isTTY !== true || !context.output.isTTY) {
    throw new CognitodError('USAGE', 'top needs a terminal', {
      hint: 'cognitod top --once prints what it would show first; cognitod stream prints events',
    });
  }
  // The first look says in plain words what is wrong, before the screen is taken.
  const { view, filters } = options;
  const first = await look(context.client, { view, sort: 'cpu', text: '', filters });
  await new Top(context, options, first).run();
}

/** Of those that are sorted by pid here, the longest known are shown where there are too many. */
const ASKED_AS = { cpu: 'cpu', memory: 'memory', start: 'newest', pid: 'start' } as const;

class Top {
  readonly #context: Context;
  readonly #options: TopOptions;
  readonly #screen: Screen;
  readonly #ended = Promise.withResolvers<void>();
  #state: TopState;
  #look: Look | null;
  #trouble: string | null = null;
  #detail: { id: string; lines: string[] } | null = null;
  #shown: Shown = { count: 0, page: 1, target: null };
  #timer: NodeJS.Timeout | undefined;
  /** Counts the looks asked for: the answer to an older one is not shown. */
  #asked = 0;

  constructor(context: Context, options: TopOptions, first: Look) {
    this.#context = context;
    this.#options = options;
    this.#look = first;
    this.#state = initialState(options.view);
    this.#screen = new Screen(
      context.deps.stdin,
      context.deps.stdout,
      (key) => this.#press(key),
      () => this.#draw(),
    );
  }

  async run(): Promise<void> {
    const end = () => this.#ended.resolve();
    for (const signal of SIGNALS) process.on(signal, end);
    // Whatever ends the process, the terminal is as it was.
    const giveBack = () => this.#screen.giveBack();
    process.on('exit', giveBack);
    this.#context.output.ended.addEventListener('abort', end);
    try {
      this.#screen.take();
      this.#draw();
      this.#again();
      await this.#ended.promise;
    } finally {
      clearTimeout(this.#timer);
      this.#asked++;
      giveBack();
      process.off('exit', giveBack);
      for (const signal of SIGNALS) process.off(signal, end);
    }
  }

  #press(key: Key): void {
    const before = this.#state;
    const after = press(before, key, this.#shown);
    if (after === null) {
      this.#ended.resolve();
      return;
    }
    this.#state = after;
    if (after.detail !== null && after.detail !== before.detail) void this.#fetchDetail(after.detail);
    const asksOther =
      after.view !== before.view ||
      after.processSort !== before.processSort ||
      after.scope !== before.scope ||
      (after.filter !== before.filter && !this.#hasAll);
    if (asksOther || (before.paused && !after.paused)) void this.#refresh();
    this.#draw();
  }

  /** Whether the agent has told all processes; else it must look for the text of the filter itself. */
  get #hasAll(): boolean {
    return this.#look === null || (this.#look.text === '' && this.#look.total <= this.#look.processes.length);
  }

  #again(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), this.#options.intervalSeconds * 1000);
  }

  async #refresh(): Promise<void> {
    const asked = ++this.#asked;
    const { view, processSort, scope, paused, filter } = this.#state;
    if (!paused) {
      try {
        const filters = scope === null ? this.#options.filters : scope.query;
        const text = this.#hasAll ? '' : filter;
        const seen = await look(this.#context.client, { view, sort: ASKED_AS[processSort], text, filters });
        if (asked !== this.#asked) return;
        this.#look = seen;
        this.#trouble = null;
      } catch (error) {
        if (asked !== this.#asked) return;
        // An agent that comes back in another form, or refuses now, may yet come back as it was.
        this.#trouble = error instanceof CognitodError ? error.message : String(error);
      }
      this.#draw();
    }
    this.#again();
  }

  async #fetchDetail(id: string): Promise<void> {
    const { client, paint } = this.#context;
    const asked = { params: { id } };
    let text: string;
    try {
      const process = await client.get(routes.process, asked);
      const { ancestors } = await client.get(routes.processTree, asked);
      text = showText(process, ancestors, paint);
    } catch (error) {
      text = harmless(error instanceof Error ? error.message : String(error));
    }
    if (this.#state.detail !== id) return;
    this.#detail = { id, lines: text.split('\n') };
    this.#draw();
  }

  #draw(): void {
    const { columns, rows } = this.#screen;
    const detail = this.#detail?.id === this.#state.detail ? (this.#detail?.lines ?? null) : null;
    const scene = { look: this.#look, trouble: this.#trouble, detail, agent: this.#context.client.address };
    const frame = compose(scene, this.#state, { columns, rows }, this.#context.paint);
    this.#shown = frame.shown;
    this.#screen.draw(frame.lines);
  }
}
