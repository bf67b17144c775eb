// Composes the whole screen from what the agent said and what the user chose.
import { columnOf, missingIn, shownMissing, type StatusJson } from '../../api/index.ts';
import { countText, durationText, harmless, type Painter } from '../text.ts';
import { type Column, cutColumns, fit, headLine, layOut, rowLine, wrapColumns } from './cells.ts';
import type { Look } from './feed.ts';
import { POD_COLUMNS, scopeOf, sortPlaces } from './pod-rows.ts';
import { PROCESS_COLUMNS, type ProcessRow, sortProcesses, treeRows } from './process-rows.ts';
import type { Shown, TopState } from './state.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Frame {
  readonly lines: readonly string[];
  /** What the next key acts on. */
  readonly shown: Shown;
}

export interface Scene {
  readonly look: Look | null;
  /** Why the agent was not reached last time; null when it was. */
  readonly trouble: string | null;
  /** Text of the details of `state.detail`, a line each; null while they are fetched. */
  readonly detail: readonly string[] | null;
  readonly agent: string;
}

const HELP = [
  'Tab 1 2      pods or processes',
  '↑ ↓ j k      select a row; PgUp PgDn Home End g G',
  'Enter        processes of the pod; details of the process',
  'Esc          back: details, filter, pod',
  '/            show only rows that contain a text',
  's > <        sort by the next, by the one before',
  't            tree: children below their parents',
  'p Space      pause: keep what is on the screen',
  '? h          this help',
  'q Ctrl-C     quit',
];
const KEYS = 'q quit  ? help  Tab view  / find  s sort  t tree  p pause  Enter open  Esc back';

export function compose(scene: Scene, state: TopState, size: Size, paint: Painter): Frame {
  const { columns, rows } = size;
  const space = rows - 5;
  const body = bodyOf(scene, state, { columns, rows: space }, paint);
  const lines = [
    ...header(scene, columns, paint),
    paint('bold', fit(titleOf(scene, state, body.shown.count), columns)),
    ...body.lines,
  ];
  while (lines.length < rows - 1) lines.push('');
  const prompt = state.typing ? `/${harmless(state.filter)}█  (Enter keeps, Esc clears)` : KEYS;
  return { lines: [...lines, paint('dim', fit(prompt, columns))], shown: body.shown };
}

/** Two lines: the node, and whether anything was lost. */
function header({ look, trouble, agent }: Scene, columns: number, paint: Painter): string[] {
  const ledger = look === null ? '' : ledgerLine(look.status, paint, columns);
  const second =
    trouble === null
      ? ledger
      : paint(['bold', 'red'], fit(`lost connection, retrying: ${harmless(trouble)}`, columns));
  if (look === null) return [fit(`cognitod  asking ${agent} …`, columns), second];
  const { status, activity } = look;
  const { fork_rate: forks, exec_rate: execs, exit_rate: exits } = activity.node;
  const node = [
    `cognitod ${harmless(status.node)}`,
    `up ${durationText(status.uptime_seconds)}`,
    `${countText(status.processes.running)} processes in ${countText(status.processes.containers)} containers`,
    `forks ${forks.toFixed(1)}/s execs ${execs.toFixed(1)}/s exits ${exits.toFixed(1)}/s`,
  ];
  return [fit(node.join('  '), columns), second];
}

function ledgerLine(
  { ledger, ready, reasons, collector }: StatusJson,
  paint: Painter,
  columns: number,
): string {
  const { containers } = ledger;
  const share =
    containers.seen === 0
      ? 'none in containers'
      : `attributed ${(Math.floor((10_000 * containers.attributed) / containers.seen) / 100).toFixed(2)} %`;
  const missing = shownMissing(ledger).map(([column, count]) => `${column} ${countText(count)}`);
  const seen = countText(columnOf(ledger, 'decoded'));
  const text = ['ledger', `seen ${seen}`, ...missing, share, collector.kind].join('  ');
  if (missingIn(ledger) > 0) return paint(['bold', 'red'], fit(text, columns));
  if (!ready) return paint('yellow', fit(`${text}  not ready: ${harmless(reasons.join('; '))}`, columns));
  return paint('green', fit(text, columns));
}

function titleOf({ look }: Scene, state: TopState, count: number): string {
  if (state.help) return 'keys';
  if (state.detail !== null) return `process ${state.detail}`;
  const sort = state.view === 'pods' ? state.podSort : state.tree ? 'tree' : state.processSort;
  const what = state.view === 'pods' ? 'pods and services' : count === 1 ? 'process' : 'processes';
  const total =
    look !== null && look.total > look.processes.length ? `, the first of ${countText(look.total)}` : '';
  return [
    `${countText(count)} ${what}${total}`,
    ...(state.scope === null ? [] : [`of ${state.scope.title}`]),
    `by ${sort}`,
    ...(state.filter === '' ? [] : [`with «${harmless(state.filter)}»`]),
    ...(state.paused ? ['PAUSED'] : []),
  ].join('  ');
}

function bodyOf(scene: Scene, state: TopState, size: Size, paint: Painter): Frame {
  if (state.help) return plain(HELP, size);
  if (state.detail !== null) return detailBody(scene.detail, state, size);
  if (scene.look === null) return plain([], size);
  return state.view === 'pods'
    ? podsBody(scene.look, state, size, paint)
    : processesBody(scene.look, state, size, paint);
}

const plain = (text: readonly string[], { columns }: Size): Frame => ({
  lines: ['', ...text.map((line) => `  ${cutColumns(line, columns - 2)}`)],
  shown: { count: 0, page: 1, target: null },
});

function detailBody(text: readonly string[] | null, state: TopState, { columns, rows }: Size): Frame {
  const lines = (text ?? ['…']).flatMap((line) => wrapColumns(line, columns));
  const first = Math.min(state.detailScroll, Math.max(0, lines.length - rows));
  return {
    lines: ['', ...lines.slice(first, first + rows - 1)],
    shown: { count: Math.max(1, lines.length - rows + 2), page: rows - 1, target: null },
  };
}

function podsBody({ activity }: Look, state: TopState, size: Size, paint: Painter): Frame {
  const places = sortPlaces(activity.places, state.podSort);
  return list(POD_COLUMNS, places, state, size, paint, (place) => {
    const scope = scopeOf(place);
    return scope === null ? null : { scope };
  });
}

function processesBody({ processes, text }: Look, state: TopState, size: Size, paint: Painter): Frame {
  // Without all its rows a tree has no branches.
  const rows: ProcessRow[] =
    state.tree && state.filter === ''
      ? treeRows(processes)
      : sortProcesses(processes, state.processSort).map((process) => ({ process, branch: '' }));
  // The agent has looked for it, further than the columns go.
  const filtered = text !== '' && text === state.filter ? { ...state, filter: '' } : state;
  return list(PROCESS_COLUMNS, rows, filtered, size, paint, ({ process }) => ({
    process: process.process_id,
  }));
}

function list<Row>(
  columns: readonly Column<Row>[],
  all: readonly Row[],
  state: TopState,
  size: Size,
  paint: Painter,
  target: (row: Row) => Shown['target'],
): Frame {
  const laidOut = layOut(columns, size.columns);
  const needle = state.filter.toLowerCase();
  const rows =
    needle === ''
      ? all
      : all.filter((row) => columns.some((column) => column.text(row).toLowerCase().includes(needle)));
  const page = Math.max(1, size.rows - 1);
  const selected = Math.max(0, Math.min(state.selected, rows.length - 1));
  const first = Math.max(0, Math.min(selected - Math.floor(page / 2), rows.length - page));
  const lines = rows.slice(first, first + page).map((row, index) => {
    const line = rowLine(laidOut, row, size.columns);
    return first + index === selected ? paint('inverse', line) : line;
  });
  const chosen = rows[selected];
  return {
    lines: [paint('underline', headLine(laidOut, size.columns)), ...lines],
    shown: { count: rows.length, page, target: chosen === undefined ? null : target(chosen) },
  };
}
