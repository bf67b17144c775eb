// The processes of the node as a live tree, and beside it the one that was opened.
import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { ProcessFeed } from '../agent/process-feed.ts';
import { FILTER_FIELDS, processFiltersOf } from '../model/filters.ts';
import type { LiveList } from '../model/live-list.ts';
import { buildTree, type Tree, type TreeRow } from '../model/process-tree.ts';
import { countText, exitText, harmless, sinceText } from '../ui/figures.ts';
import { useChanges } from '../ui/frame.ts';
import { go, route, setQuery } from '../ui/route.ts';
import { Empty, Loading } from '../ui/states.tsx';
import { type GridRow, VirtualGrid } from '../ui/virtual-grid.tsx';
import { ProcessDetail } from './process-detail.tsx';

const COLUMNS = [
  { title: 'Process' },
  { title: 'PID', figures: true },
  { title: 'User', figures: true },
  { title: 'State' },
  { title: 'Started' },
];
const NO_FILTERS = Object.fromEntries(FILTER_FIELDS.map(({ name }) => [name, null]));
/** Kernel threads are many and say little. */
const COLLAPSED_FIRST = ['kernel'];

export function Processes(): JSX.Element {
  const { id, query } = route.value;
  const filters = processFiltersOf(query);
  const feed = useFeed(filters);
  const collapsed = useSignal<ReadonlySet<string>>(new Set(COLLAPSED_FIRST));
  const activeKey = useSignal<string | null>(id);
  const version = useCallback(() => feed.book.changes, [feed]);
  useChanges(version);
  const search = (query.q ?? '').toLowerCase();
  const showEnded = query.ended === '1';
  const tree = useTree(feed.book, search, showEnded, collapsed.value);
  const problem = feed.problem.value;
  const loading = !feed.book.complete;
  const active = tree.rows.findIndex(({ key }) => key === activeKey.value);
  const fold = (index: number, expand: boolean | null) => {
    const row = tree.rows[index]!;
    if (row.expanded === null || row.expanded === expand) {
      // Left on what is folded up already goes to what it is in.
      const outer = expand === false ? outerOf(tree.rows, index) : -1;
      if (outer >= 0) activeKey.value = tree.rows[outer]!.key;
      return;
    }
    const next = new Set(collapsed.value);
    if (row.expanded) next.add(row.key);
    else next.delete(row.key);
    collapsed.value = next;
  };
  return (
    <div class={`split ${id === null ? '' : 'open'}`}>
      <div class="list">
        <div class="bar-of-tools">
          <input
            data-search
            type="search"
            class="search"
            aria-label="Search processes: command, pid, pod, namespace, workload, user id"
            placeholder="Search command, pid, pod, namespace…"
            value={query.q ?? ''}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={showEnded}
              onChange={(event) => setQuery({ ended: event.currentTarget.checked ? '1' : null })}
            />
            Just ended
          </label>
          <FilterChips filters={filters} />
          <span class="muted count" role="status">
            {problem !== null
              ? `Not connected: ${problem}`
              : loading
                ? 'Loading…'
                : `${countText(tree.matches)} ${tree.matches === 1 ? 'process' : 'processes'}`}
          </span>
        </div>
        <VirtualGrid
          id="process"
          class="processes-grid"
          label="Processes by namespace, workload, pod and container"
          isTree
          columns={COLUMNS}
          count={tree.rows.length}
          row={(index) => gridRow(tree.rows[index]!, (expand) => fold(index, expand))}
          active={active}
          onActive={(index) => {
            activeKey.value = tree.rows[index]?.key ?? null;
          }}
          onOpen={(index) => {
            const row = tree.rows[index]!;
            if (row.kind === 'group') fold(index, null);
            else go({ page: 'processes', id: row.row.id, query });
          }}
          onFold={fold}
          empty={
            loading ? (
              <Loading what="processes" />
            ) : (
              <Empty title="No process matches">
                <button type="button" onClick={() => setQuery({ q: null, ...NO_FILTERS })}>
                  Show all
                </button>
              </Empty>
            )
          }
        />
      </div>
      {id !== null && (
        <ProcessDetail
          key={id}
          id={id}
          onClose={() => {
            go({ page: 'processes', query });
            document.querySelector<HTMLElement>('.processes-grid [role=treegrid]')?.focus();
          }}
        />
      )}
    </div>
  );
}

/** Those in the address, each with a way to be rid of it. */
function FilterChips({ filters }: { filters: Readonly<Record<string, string>> }): JSX.Element {
  return (
    <>
      {FILTER_FIELDS.filter(({ name }) => filters[name] !== undefined).map(({ name, label }) => (
        <button
          key={name}
          type="button"
          class="filter-chip"
          aria-label={`Remove the filter ${label}: ${harmless(filters[name]!)}`}
          onClick={() => setQuery({ [name]: null })}
        >
          {label.toLowerCase()}: <bdi>{harmless(filters[name]!)}</bdi> <span aria-hidden="true">✕</span>
        </button>
      ))}
    </>
  );
}

/** Another filter is another stream. */
function useFeed(filters: Readonly<Record<string, string>>): ProcessFeed {
  const key = JSON.stringify(filters);
  const feed = useMemo(() => new ProcessFeed(), [key]);
  useEffect(() => feed.open(filters), [feed]);
  return feed;
}

/** Built anew only when processes or what is wanted of them have changed. */
function useTree(book: LiveList, search: string, showEnded: boolean, collapsed: ReadonlySet<string>): Tree {
  const last = useRef<{ inputs: readonly unknown[]; tree: Tree } | null>(null);
  const inputs = [book, book.changes, search, showEnded, collapsed];
  if (last.current === null || inputs.some((input, index) => input !== last.current!.inputs[index])) {
    last.current = { inputs, tree: buildTree(book.rows(), { search, showEnded, collapsed }) };
  }
  return last.current.tree;
}

function outerOf(rows: readonly TreeRow[], index: number): number {
  const { level } = rows[index]!;
  for (let above = index - 1; above >= 0; above--) if (rows[above]!.level < level) return above;
  return -1;
}

function gridRow(tree: TreeRow, fold: (expand: boolean) => void): GridRow {
  const { key, level, expanded } = tree;
  const indent = (
    <span class="indent" style={{ inlineSize: `calc(var(--indent) * ${Math.min(level - 1, 24)})` }} />
  );
  const twist = (
    // Arrow keys do the same for the keyboard.
    <span
      class="twist"
      aria-hidden="true"
      onClick={(event) => {
        if (expanded === null) return;
        event.stopPropagation();
        fold(!expanded);
      }}
    >
      {expanded === null ? '' : expanded ? '▾' : '▸'}
    </span>
  );
  if (tree.kind === 'group') {
    const { group, count } = tree;
    const name = (
      <>
        {indent}
        {twist}
        <span class={`kind ${group.kind}`}>{group.kind}</span>
        <bdi class="group-name">{group.name}</bdi>
        <span class="pill">{countText(count)}</span>
      </>
    );
    return { key, level, expanded, class: `group ${group.kind}`, cells: [name, '', '', '', ''] };
  }
  const { row } = tree;
  const command = (
    <>
      {indent}
      {twist}
      <bdi class="command">{row.command}</bdi>
    </>
  );
  const state =
    row.ended === null ? (
      ''
    ) : (
      <span class="chip exit">{harmless(exitText(row.ended.code, row.ended.signal))}</span>
    );
  return {
    key,
    level,
    expanded,
    class: row.ended === null ? '' : 'ended',
    cells: [
      command,
      row.pid,
      row.uid,
      state,
      <time dateTime={row.startTime} key="t">
        {sinceText(row.startTime)}
      </time>,
    ],
  };
}
