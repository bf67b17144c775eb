// `cognitod ps`, `tree` and `show`: what is known about processes.
import {
  type ProcessJson,
  processPageSchema,
  processSchema,
  type ProcessTreeJson,
  processTreeSchema,
} from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { Query } from '../client.ts';
import type { Context } from '../context.ts';
import { placeText } from '../event-line.ts';
import { commandText, cut, durationText, harmless, table } from '../text.ts';

const PAGE = 1000;
/** Levels that are drawn further to the right than the one before: a chain of processes can be very long. */
const MAX_INDENT = 100;
const MAX_JSON_DEPTH = 1000;

/** The contract leaves the tree itself unchecked, because it is recursive. */
const treeSchema = processTreeSchema.refine((answer) => isTree(answer.process), 'not a tree of processes');

export async function ps(context: Context, filters: Query, limit: number | undefined): Promise<void> {
  const processes = await fetchProcesses(context, filters, limit ?? Number.POSITIVE_INFINITY);
  await context.print({ schema_version: 1, processes }, () => {
    const rows = processes.map((process) => [
      String(process.pid),
      String(process.ppid),
      String(process.uid),
      ageText(process),
      stateText(process),
      placeText(process),
      commandOf(process),
    ]);
    return table(
      [['PID', 'PPID', 'UID', 'AGE', 'STATE', 'WHERE', 'COMMAND'], ...rows],
      context.output.columns,
    );
  });
}

export async function tree(context: Context, id: string | undefined): Promise<void> {
  if (id === undefined) {
    const roots = growTrees(await fetchProcesses(context, { state: 'running' }, Number.POSITIVE_INFINITY));
    const document = () => ({ schema_version: 1, ...cutTrees(roots), processes: roots });
    await context.print(context.json ? document() : undefined, () =>
      roots.map((root) => treeText(root, '')).join(''),
    );
    return;
  }
  const answer = await withProcess(context, id, (path) => context.client.get(`${path}/tree`, {}, treeSchema));
  await context.print(answer, () => {
    const indent = (depth: number) => '  '.repeat(Math.min(depth, MAX_INDENT));
    const above = answer.ancestors
      .toReversed()
      .map((process, depth) => `${indent(depth)}${nodeText(process)}\n`);
    const cutNote = answer.truncated ? '… (more than the agent answers at once)\n' : '';
    return `${above.join('')}${treeText(answer.process, indent(above.length))}${cutNote}`;
  });
}

export async function show(context: Context, id: string): Promise<void> {
  const process = await withProcess(context, id, (path) => context.client.get(path, {}, processSchema));
  // By its identity: meanwhile the pid may be another's.
  const { ancestors } = await context.client.get(`${pathOf(process.process_id)}/tree`, {}, treeSchema);
  await context.print({ ...process, ancestors }, () => showText(process, ancestors, context));
}

const pathOf = (id: string) => `/api/v1/processes/${encodeURIComponent(id)}`;

/** Asks about a process. A pid is that of the running process or else of the one that exited last with it. */
async function withProcess<T>(context: Context, id: string, ask: (path: string) => Promise<T>): Promise<T> {
  try {
    return await ask(pathOf(id));
  } catch (error) {
    if (!(error instanceof CognitodError) || error.code !== 'NOT_FOUND' || !/^\d{1,10}$/.test(id))
      throw error;
    const exited = await fetchProcesses(
      context,
      { pid: Number(id), state: 'exited' },
      Number.POSITIVE_INFINITY,
    );
    // RFC 3339 in UTC with as many digits each: the order of the texts is the order of the times.
    const last = exited.reduce<ProcessJson | undefined>(
      (best, process) => ((process.exit_time ?? '') >= (best?.exit_time ?? '') ? process : best),
      undefined,
    );
    if (last === undefined) throw error;
    return ask(pathOf(last.process_id));
  }
}

/** Walks the pages. Processes that start meanwhile may or may not be in. */
async function fetchProcesses(context: Context, filters: Query, limit: number): Promise<ProcessJson[]> {
  const processes: ProcessJson[] = [];
  let cursor: string | undefined;
  do {
    const query = { ...filters, limit: Math.min(PAGE, limit - processes.length), cursor };
    const page = await context.client.get('/api/v1/processes', query, processPageSchema);
    processes.push(...page.processes);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && processes.length < limit);
  return processes;
}

function growTrees(processes: readonly ProcessJson[]): ProcessTreeJson[] {
  const nodes = new Map(
    processes.map((process) => [process.process_id, { ...process, tree: [] } as ProcessTreeJson]),
  );
  const roots: ProcessTreeJson[] = [];
  for (const node of nodes.values()) {
    const parent = node.parent_process_id === null ? undefined : nodes.get(node.parent_process_id);
    (parent?.tree ?? roots).push(node);
  }
  return roots;
}

/** Removes what JSON parsers would not take, like the agent does in its own trees. Changes the trees. */
function cutTrees(roots: readonly ProcessTreeJson[]): { truncated: boolean } {
  let level = roots;
  for (let depth = 0; depth < MAX_JSON_DEPTH; depth++) level = level.flatMap((node) => node.tree);
  const truncated = level.some((node) => node.tree.length > 0);
  for (const node of level) node.tree = [];
  return { truncated };
}

/** Not recursive, like `treeText`: a tree may be as deep as the node has processes. */
function isTree(root: unknown): boolean {
  const nodes = [root];
  while (nodes.length > 0) {
    const node = nodes.pop() as { tree?: unknown } | null | undefined;
    if (!Array.isArray(node?.tree) || !processSchema.safeParse(node).success) return false;
    nodes.push(...node.tree);
  }
  return true;
}

function treeText(root: ProcessTreeJson, indent: string): string {
  let text = '';
  const stack = [{ node: root, first: indent, rest: indent, depth: 0 }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, first, rest, depth } = entry;
    text += `${first}${nodeText(node)}\n`;
    const deeper = depth < MAX_INDENT;
    node.tree.toReversed().forEach((child, index) => {
      const last = index === 0;
      stack.push({
        node: child,
        first: `${rest}${last ? '└─ ' : '├─ '}`,
        rest: deeper ? `${rest}${last ? '   ' : '│  '}` : rest,
        depth: depth + 1,
      });
    });
  }
  return text;
}

const nodeText = (process: ProcessJson) => {
  const place = placeText(process);
  return `${process.pid} ${cut(commandOf(process), 160)}${place === '-' ? '' : `  [${place}]`}${process.state === 'running' ? '' : `  (${stateText(process)})`}`;
};

function commandOf(process: Pick<ProcessJson, 'argv' | 'comm' | 'executable' | 'kernel_thread'>): string {
  if (process.kernel_thread) return `[${harmless(process.comm)}]`;
  if (process.argv !== null && process.argv.length > 0) return commandText(process.argv);
  return harmless(process.executable ?? process.comm);
}

function ageText(process: ProcessJson): string {
  const end = process.exit_time === null ? Date.now() : Date.parse(process.exit_time);
  return durationText(Math.max(0, end - Date.parse(process.start_time)) / 1000);
}

function stateText(process: Pick<ProcessJson, 'state' | 'exit_code' | 'exit_signal'>): string {
  if (process.state !== 'exited') return process.state;
  if (process.exit_signal !== null) return `signal ${process.exit_signal}`;
  return process.exit_code === null ? 'exited' : `exit ${process.exit_code}`;
}

const podName = ({ namespace, pod_name: pod }: ProcessJson) =>
  namespace == null || pod == null ? null : `${namespace}/${pod}`;

/** `name (id)`, or what is known of it. */
const named = (name: string | null | undefined, id: string | null): string | null =>
  name == null ? id : id === null ? name : `${name} (${id})`;

/** What the sources of names say, and who does not. */
function nameRows(process: ProcessJson): string[][] {
  const { workload_kind: kind, workload_name: workload, metadata_provenance: from } = process;
  if (from === undefined) return [];
  const labels = Object.entries(process.pod_labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return [
    ['workload', kind == null || workload == null ? `unknown (${from.workload})` : `${kind}/${workload}`],
    ...(process.image == null ? [] : [['image', process.image]]),
    ...(process.container_restart_count ? [['restarts', String(process.container_restart_count)]] : []),
    ...(labels.length === 0 ? [] : [['labels', labels.join(' ')]]),
    ['names from', `${from.pod} (pod), ${from.container} (container), ${from.workload} (workload)`],
  ];
}

function showText(process: ProcessJson, ancestors: readonly ProcessJson[], { paint }: Context): string {
  const rows: string[][] = [
    ['process id', process.process_id],
    [
      'pid',
      process.ns_pid === null || process.ns_pid === process.pid
        ? String(process.pid)
        : `${process.pid} (${process.ns_pid} in its namespace)`,
    ],
    ['state', stateText(process)],
    [
      'known by',
      {
        fork: 'its fork',
        snapshot: 'the snapshot at the start',
        fork_unseen: 'healing: its fork was not seen',
      }[process.born],
    ],
    [
      'started',
      `${process.start_time} (${ageText(process)}${process.exit_time === null ? ' ago' : ' of life'})`,
    ],
    ...(process.exit_time === null ? [] : [['exited', process.exit_time]]),
    ['user', `uid ${process.uid}, euid ${process.euid}, gid ${process.gid}`],
    ['command', commandOf(process)],
    ['executable', process.executable ?? 'unknown'],
    ['container', named(process.container_name, process.container_id) ?? `none (${process.provenance})`],
    ['pod', named(podName(process), process.pod_uid) ?? 'none'],
    ...nameRows(process),
    ...(process.runtime === null ? [] : [['runtime', process.runtime]]),
    ...(process.unit === null ? [] : [['unit', process.unit]]),
    ['cgroup', process.cgroup_path ?? 'unknown'],
    ['provenance', process.provenance],
    ['tags', process.tags.length === 0 ? 'none' : process.tags.join(' ')],
    ['live children', String(process.children)],
  ];
  const images = (process.images ?? []).map((image) => [
    `  ${harmless(image.since ?? 'before the agent')}`,
    commandOf({ ...image, kernel_thread: process.kernel_thread }),
  ]);
  const lineage = ancestors.map((ancestor) => [`  ${ancestor.pid}`, commandOf(ancestor)]);
  return (
    table(rows.map((row) => row.map(harmless))) +
    `\n${paint('bold', 'Images, oldest first')}\n${table(images)}` +
    `\n${paint('bold', 'Started by')}\n${lineage.length === 0 ? '  nobody that is still known\n' : table(lineage)}`
  );
}
