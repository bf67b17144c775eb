// The rows of the processes view, as a list or as trees.
import type { ProcessJson } from '../../api/index.ts';
import { ageText, commandOf, stateText } from '../process-text.ts';
import { placeText } from '../event-line.ts';
import type { Column } from './cells.ts';
import { memoryText, percentText } from './pod-rows.ts';
import type { ProcessSort } from './state.ts';

export interface ProcessRow {
  readonly process: ProcessJson;
  /** Lines of the tree before the command. */
  readonly branch: string;
}

export const PROCESS_COLUMNS: readonly Column<ProcessRow>[] = [
  { title: 'PID', align: 'right', width: 8, text: ({ process }) => String(process.pid) },
  { title: 'UID', align: 'right', width: 6, text: ({ process }) => String(process.uid) },
  { title: 'CPU%', align: 'right', width: 6, text: ({ process }) => percentText(process.usage?.cpu_percent) },
  { title: 'MEM', align: 'right', width: 9, text: ({ process }) => memoryText(process.usage?.rss_bytes) },
  { title: 'AGE', align: 'right', width: 7, text: ({ process }) => ageText(process) },
  { title: 'WHERE', width: 20, text: ({ process }) => placeText(process) },
  {
    title: 'COMMAND',
    width: 10,
    text: ({ process, branch }) =>
      `${branch}${commandOf(process)}${process.state === 'running' ? '' : ` (${stateText(process)})`}`,
  },
];

export function sortProcesses(processes: readonly ProcessJson[], sort: ProcessSort): ProcessJson[] {
  // But for pids it is the order in which the agent tells them.
  return sort === 'pid' ? processes.toSorted((a, b) => a.pid - b.pid) : [...processes];
}

/** Children below their parents; who has no parent in the list begins a tree. */
export function treeRows(processes: readonly ProcessJson[]): ProcessRow[] {
  const ids = new Set(processes.map(({ process_id: id }) => id));
  const children = Map.groupBy(processes, ({ parent_process_id: parent }) =>
    parent !== null && ids.has(parent) ? parent : null,
  );
  const rows: ProcessRow[] = [];
  const stack = byPid(children.get(null) ?? []).map((process) => ({ process, branch: '', below: '' }));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { process, branch, below } = next;
    rows.push({ process, branch });
    byPid(children.get(process.process_id) ?? []).forEach((child, index) => {
      const last = index === 0;
      stack.push({
        process: child,
        branch: `${below}${last ? '└─ ' : '├─ '}`,
        below: below.length > MAX_BRANCH ? below : `${below}${last ? '   ' : '│  '}`,
      });
    });
  }
  return rows;
}

const MAX_BRANCH = 60;

/** The highest first, because the stack turns the order around. */
const byPid = (processes: readonly ProcessJson[]) => processes.toSorted((a, b) => b.pid - a.pid);
