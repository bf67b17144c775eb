// What the user of `top` has chosen, and how keys change it. No terminal and no agent here.
import type { Key } from './screen.ts';

export type View = 'pods' | 'processes';

export const SORTS = {
  pods: ['activity', 'cpu', 'memory', 'running', 'name'],
  processes: ['cpu', 'memory', 'start', 'pid'],
} as const;
export type PodSort = (typeof SORTS)['pods'][number];
export type ProcessSort = (typeof SORTS)['processes'][number];

/** Only the processes of one pod, container or service. */
export interface Scope {
  readonly title: string;
  readonly query: Readonly<Record<string, string>>;
}

export interface TopState {
  readonly view: View;
  readonly podSort: PodSort;
  readonly processSort: ProcessSort;
  readonly tree: boolean;
  readonly paused: boolean;
  readonly help: boolean;
  /** Text that a row must contain; case does not count. */
  readonly filter: string;
  /** The filter is being typed. */
  readonly typing: boolean;
  /** Index of the row in the list. */
  readonly selected: number;
  readonly scope: Scope | null;
  /** Id of the process whose details are shown. */
  readonly detail: string | null;
  readonly detailScroll: number;
}

export const initialState = (view: View): TopState => ({
  view,
  podSort: 'activity',
  processSort: 'cpu',
  tree: false,
  paused: false,
  help: false,
  filter: '',
  typing: false,
  selected: 0,
  scope: null,
  detail: null,
  detailScroll: 0,
});

/** What is on the screen when a key comes. */
export interface Shown {
  /** How many rows the list has, and how many are visible at once. */
  readonly count: number;
  readonly page: number;
  /** What `enter` on the selected row leads to. */
  readonly target: { readonly scope: Scope } | { readonly process: string } | null;
}

/** The state after a key; null to quit. */
export function press(state: TopState, key: Key, shown: Shown): TopState | null {
  if (key.ctrl && key.name === 'c') return null;
  if (state.typing) return typeFilter(state, key);
  if (state.help) return { ...state, help: false };
  if (key.text === 'q') return null;
  const moved = move(state, key, shown);
  if (moved !== null) return moved;
  switch (key.text) {
    case '?':
    case 'h':
      return { ...state, help: true };
    case '/':
      return { ...state, typing: true, detail: null };
    case 's':
    case '>':
      return sorted(state, 1);
    case '<':
      return sorted(state, -1);
    case 't':
      return { ...state, view: 'processes', tree: !state.tree, selected: 0, detail: null };
    case 'p':
    case ' ':
      return { ...state, paused: !state.paused };
    case '1':
      return switched(state, 'pods');
    case '2':
      return switched(state, 'processes');
  }
  switch (key.name) {
    case 'tab':
      return switched(state, state.view === 'pods' ? 'processes' : 'pods');
    case 'return':
    case 'enter':
      return entered(state, shown);
    case 'escape':
    case 'backspace':
      return left(state);
  }
  return state;
}

function typeFilter(state: TopState, key: Key): TopState {
  if (key.name === 'return' || key.name === 'enter') return { ...state, typing: false };
  if (key.name === 'escape') return { ...state, typing: false, filter: '', selected: 0 };
  if (key.name === 'backspace') return { ...state, filter: state.filter.slice(0, -1), selected: 0 };
  if (key.ctrl || !/^[^\p{Cc}]+$/u.test(key.text) || state.filter.length >= 100) return state;
  return { ...state, filter: state.filter + key.text, selected: 0 };
}

/** Moves the selection, or what is shown of the details. Null when the key does not move. */
function move(state: TopState, key: Key, { count, page }: Shown): TopState | null {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    pageup: -page,
    pagedown: page,
    home: -1e9,
    end: 1e9,
  };
  const name = key.text === 'G' ? 'end' : key.text === 'g' ? 'home' : key.name;
  const step = steps[name];
  if (step === undefined || key.ctrl) return null;
  const within = (value: number) => Math.max(0, Math.min(count - 1, value));
  return state.detail === null
    ? { ...state, selected: within(Math.min(state.selected, count - 1) + step) }
    : { ...state, detailScroll: within(state.detailScroll + step) };
}

function sorted(state: TopState, step: number): TopState {
  const next = <T>(all: readonly T[], now: T) => all.at((all.indexOf(now) + step) % all.length)!;
  return state.view === 'pods'
    ? { ...state, podSort: next(SORTS.pods, state.podSort), selected: 0 }
    : { ...state, processSort: next(SORTS.processes, state.processSort), tree: false, selected: 0 };
}

const switched = (state: TopState, view: View): TopState => ({
  ...state,
  view,
  scope: null,
  detail: null,
  selected: 0,
});

function entered(state: TopState, { target }: Shown): TopState {
  if (target === null || state.detail !== null) return state;
  return 'scope' in target
    ? { ...state, view: 'processes', scope: target.scope, filter: '', selected: 0 }
    : { ...state, detail: target.process, detailScroll: 0 };
}

/** One step back: details, filter, scope. */
function left(state: TopState): TopState {
  if (state.detail !== null) return { ...state, detail: null };
  if (state.filter !== '') return { ...state, filter: '', selected: 0 };
  if (state.scope !== null) return { ...state, view: 'pods', scope: null, selected: 0 };
  return state;
}
