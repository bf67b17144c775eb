// `cognitod ps`, `tree` and `show`: what is known about processes.
import {
  type ProcessJson,
  type ProcessPageJson,
  processSchema,
  type ProcessTreeJson,
  routes,
} from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { Query } from '../client.ts';
import type { Context } from '../context.ts';
import { placeText as whereText } from '../event-line.ts';
import { findPlace, isProcessName, type NamedPlace } from '../place.ts';
import { placeText } from '../place-text.ts';
import { ageText, commandOf, showText, stateText } from '../process-text.ts';
import { cut, harmless, table } from '../text.ts';

const PAGE = 1000;
/** Children that have ended: who wants more asks the API. */
const MAX_ENDED = 20;
/** Levels that are drawn further to the right than the one before: a chain of processes can be very long. */
const MAX_INDENT = 100;
const MAX_JSON_DEPTH = 1000;

/** The contract leaves the tree itself unchecked, because it is recursive. */
const checkedTree = {
  ...routes.processTree,
  answer: routes.processTree.answer.refine((answer) => isTree(answer.process), 'not a tree of processes'),
};

export async function ps(context: Context, filters: Query, limit: number | undefined): Promise<void> {
  const found = await fetchProcesses(context, filters, limit ?? Number.POSITIVE_INFINITY);
  const processes = found.toSorted(byStart);
  await context.print({ schema_version: 1, processes }, () => {
    const rows = processes.map((process) => [
      String(process.pid),
      String(process.ppid),
      String(process.uid),
      ageText(process),
      stateText(process),
      whereText(process),
      commandOf(process),
    ]);
    return table(
      [['PID', 'PPID', 'UID', 'AGE', 'STATE', 'WHERE', 'COMMAND'], ...rows],
      context.output.columns,
    );
  });
}

/** The agent answers in the order in which it learned of them: itself before what was there already. */
function byStart(a: ProcessJson, b: ProcessJson): number {
  // RFC 3339 in UTC with as many digits each: the order of the texts is the order of the times.
  if (a.start_time !== b.start_time) return a.start_time < b.start_time ? -1 : 1;
  return a.pid - b.pid;
}

export async function tree(context: Context, name: string | undefined): Promise<void> {
  const place = name === undefined || isProcessName(name) ? null : await findPlace(context.client, name);
  if (name === undefined || place !== null) {
    const filters = { ...place?.filters, state: 'running' };
    const roots = growTrees(await fetchProcesses(context, filters, Number.POSITIVE_INFINITY));
    const document = () => ({ schema_version: 1, ...cutTrees(roots), processes: roots });
    await context.print(context.json ? document() : undefined, () =>
      roots.map((root) => treeText(root, '')).join(''),
    );
    return;
  }
  const answer = await withProcess(context, name, (id) =>
    context.client.get(checkedTree, { params: { id } }),
  );
  await context.print(answer, () => {
    const indent = (depth: number) => '  '.repeat(Math.min(depth, MAX_INDENT));
    const above = answer.ancestors
      .toReversed()
      .map((process, depth) => `${indent(depth)}${nodeText(process)}\n`);
    const cutNote = answer.truncated ? '… (more than the agent answers at once)\n' : '';
    return `${above.join('')}${treeText(answer.process, indent(above.length))}${cutNote}`;
  });
}

export async function show(context: Context, name: string): Promise<void> {
  if (!isProcessName(name)) return showPlace(context, await findPlace(context.client, name));
  const process = await withProcess(context, name, (id) =>
    context.client.get(routes.process, { params: { id } }),
  );
  // By its identity: meanwhile the pid may be another's.
  const { ancestors } = await context.client.get(checkedTree, { params: { id: process.process_id } });
  const ended = await endedChildren(context, process.process_id);
  await context.print({ ...process, ancestors, ended_children: ended.processes }, () =>
    showText(process, ancestors, context.paint, ended),
  );
}

/** The last of them, as far as the agent keeps them. */
function endedChildren({ client }: Context, parent: string): Promise<ProcessPageJson> {
  const query = { parent, state: 'exited', sort: 'newest', limit: MAX_ENDED };
  return client.get(routes.processes, { query });
}

/** A pod, workload or container: what it did, and its processes as trees. */
async function showPlace(context: Context, { name, filters }: NamedPlace): Promise<void> {
  const { places } = await context.client.get(routes.activity, { query: { ...filters, limit: 1000 } });
  const processes = await fetchProcesses(context, { ...filters, state: 'running' }, Number.POSITIVE_INFINITY);
  await context.print({ schema_version: 1, places, processes }, () => {
    const cards = places.map((place) => placeText(place));
    const trees = growTrees(processes).map((root) => treeText(root, ''));
    const title = context.paint('bold', harmless(name));
    return `${title}\n${cards.join('\n')}\n${context.paint('bold', 'Processes')}\n${trees.join('')}`;
  });
}

/** Asks about a process. A pid is that of the running process or else of the one that exited last with it. */
async function withProcess<T>(context: Context, id: string, ask: (id: string) => Promise<T>): Promise<T> {
  try {
    return await ask(id);
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
    if (last === undefined) {
      throw new CognitodError(
        'NOT_FOUND',
        `no process that runs, or has ended and is kept, has the pid ${id}`,
        {
          hint: 'cognitod ps --state all lists those that are known',
        },
      );
    }
    return ask(last.process_id);
  }
}

/** Walks the pages. Processes that start meanwhile may or may not be in. */
async function fetchProcesses(context: Context, filters: Query, limit: number): Promise<ProcessJson[]> {
  const processes: ProcessJson[] = [];
  let cursor: string | undefined;
  do {
    const query = { ...filters, limit: Math.min(PAGE, limit - processes.length), cursor };
    const page = await context.client.get(routes.processes, { query });
    processes.push(...page.processes);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && processes.length < limit);
  return processes;
}

function growTrees(processes: readonly ProcessJson[]): ProcessTreeJson[] {
  const nodes = new Map(
    processes
      .toSorted(byStart)
      .map((process) => [process.process_id, { ...process, tree: [] } as ProcessTreeJson]),
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
  const place = whereText(process);
  return `${process.pid} ${cut(commandOf(process), 160)}${place === '-' ? '' : `  [${place}]`}${process.state === 'running' ? '' : `  (${stateText(process)})`}`;
};
