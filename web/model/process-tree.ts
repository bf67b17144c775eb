// The rows of the process tree: groups inside groups, processes below the process that started them.
import type { Group } from './place.ts';
import type { Row } from './live-list.ts';

export type TreeRow =
  | {
      readonly kind: 'group';
      readonly key: string;
      readonly level: number;
      readonly group: Group;
      /** Processes inside, at any depth. */
      readonly count: number;
      readonly expanded: boolean;
    }
  | {
      readonly kind: 'process';
      readonly key: string;
      readonly level: number;
      readonly row: Row;
      readonly children: number;
      /** Null for one without children here. */
      readonly expanded: boolean | null;
    };

interface Node {
  readonly group: Group;
  readonly inner: Map<string, Node>;
  readonly rows: Row[];
  count: number;
}

export interface TreeView {
  /** Lower case; rows that have all its words are shown, and those above them. */
  readonly search: string;
  /** What is folded up, by key. */
  readonly collapsed: ReadonlySet<string>;
  readonly showEnded: boolean;
}

export interface Tree {
  readonly rows: readonly TreeRow[];
  /** Processes that match, folded up or not. */
  readonly matches: number;
}

/** Everything from the top; some milliseconds for thousands of processes. */
export function buildTree(rows: Iterable<Row>, view: TreeView): Tree {
  const words = view.search.split(/\s+/).filter((word) => word !== '');
  const outermost = new Map<string, Node>();
  let matches = 0;
  for (const row of rows) {
    if (row.ended !== null && !view.showEnded) continue;
    if (!words.every((word) => row.search.includes(word))) continue;
    matches++;
    let nodes = outermost;
    let innermost: Node | undefined;
    for (const group of row.groups) {
      innermost = nodes.get(group.key);
      if (innermost === undefined) {
        innermost = { group, inner: new Map(), rows: [], count: 0 };
        nodes.set(group.key, innermost);
      }
      innermost.count++;
      nodes = innermost.inner;
    }
    innermost!.rows.push(row);
  }
  const found: TreeRow[] = [];
  for (const node of sorted(outermost)) addNode(found, node, 1, view);
  return { rows: found, matches };
}

function addNode(found: TreeRow[], node: Node, level: number, view: TreeView): void {
  const { group, count } = node;
  const expanded = !view.collapsed.has(group.key);
  found.push({ kind: 'group', key: group.key, level, group, count, expanded });
  if (!expanded) return;
  for (const inner of sorted(node.inner)) addNode(found, inner, level + 1, view);
  addProcesses(found, node.rows, level + 1, view);
}

function addProcesses(found: TreeRow[], rows: readonly Row[], level: number, view: TreeView): void {
  const ids = new Set(rows.map(({ id }) => id));
  const children = new Map<string, Row[]>();
  const roots: Row[] = [];
  for (const row of rows) {
    if (row.parentId === null || !ids.has(row.parentId)) roots.push(row);
    else {
      const siblings = children.get(row.parentId);
      if (siblings === undefined) children.set(row.parentId, [row]);
      else siblings.push(row);
    }
  }
  // No recursion: a chain of processes can be as long as there are pids.
  const left = roots.toReversed().map((row) => ({ row, level }));
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { row } = next;
    const below = children.get(row.id) ?? [];
    const expanded = below.length === 0 ? null : !view.collapsed.has(row.id);
    found.push({ kind: 'process', key: row.id, level: next.level, row, children: below.length, expanded });
    if (expanded) for (const child of below.toReversed()) left.push({ row: child, level: next.level + 1 });
  }
}

/** Namespaces by name, then what is outside of pods. */
const ORDER: Readonly<Record<Group['kind'], number>> = {
  namespace: 0,
  workload: 0,
  pod: 0,
  container: 0,
  pods: 1,
  containers: 2,
  host: 3,
  unit: 3,
  kernel: 4,
};

function sorted(nodes: ReadonlyMap<string, Node>): Node[] {
  return [...nodes.values()].sort(
    ({ group: a }, { group: b }) =>
      ORDER[a.kind] - ORDER[b.kind] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}
