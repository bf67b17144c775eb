// Answers queries for processes: filters, and pages that stay stable while processes come and go.
import {
  type ProcessJson,
  type ProcessPageJson,
  type ProcessQuery,
  SCHEMA_VERSION,
} from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import { type ModelView, type ProcessView, parseProcessId } from '../../model/index.ts';
import { type ActivitySource, type UsageView, processJson, usageJson } from '../../encode/index.ts';
import { AnswerBudget } from './answer-budget.ts';
import { processFilter } from './process-filter.ts';
import { textFilter } from './text-filter.ts';
import { unixNs } from './rfc3339.ts';

/**
 * One page in order of `serial`. A cursor is the last serial that was answered, so nothing is answered twice,
 * and nothing that lives through all pages is left out. `run` marks cursors of this agent run: serials begin
 * anew with each, and a cursor of another run would silently skip processes.
 *
 * @throws CognitodError BAD_REQUEST for a cursor that this run did not give
 */
export function processPage(
  model: ModelView,
  query: ProcessQuery,
  run: string,
  usage: Pick<UsageView, 'of'> = UNREAD,
): ProcessPageJson {
  const hasPages = query.sort === 'start';
  if (!hasPages && query.cursor !== undefined)
    throw new CognitodError('BAD_REQUEST', `cursor: an answer sorted by ${query.sort} has one page`);
  const after = query.cursor === undefined ? -1 : serialOf(query.cursor, run);
  const matches = matcher(model, query);
  const candidates: ProcessView[] = [];
  let total = 0;
  for (const processes of tables(model, query.state)) {
    for (const process of processes) {
      if (!matches(process)) continue;
      total++;
      if (process.serial > after) candidates.push(process);
    }
  }
  const compare = ORDERS[query.sort](usage);
  candidates.sort((a, b) => compare(a, b) || a.serial - b.serial);
  const budget = new AnswerBudget();
  const page: ProcessJson[] = [];
  for (const process of candidates) {
    if (page.length === query.limit) break;
    const json = processJson(process, model);
    if (usage !== UNREAD) json.usage = usageJson(usage.of(process));
    if (!budget.takes(json)) break;
    page.push(json);
  }
  return {
    schema_version: SCHEMA_VERSION,
    processes: page,
    total,
    next_cursor:
      hasPages && candidates.length > page.length ? `${run}-${candidates[page.length - 1]!.serial}` : null,
  };
}

/** As `processPage`, after reading CPU and memory of the processes that it needs them of. */
export async function measuredProcessPage(
  { model, usage }: Pick<ActivitySource, 'model' | 'usage'>,
  query: ProcessQuery,
  run: string,
): Promise<ProcessPageJson> {
  if (query.sort === 'cpu' || query.sort === 'memory') {
    await usage.refresh(model.running());
    return processPage(model, query, run, usage);
  }
  if (query.usage === 'false') return processPage(model, query, run);
  const page = processPage(model, query, run);
  const processes = new Map(page.processes.map((json) => [json, model.byProcessId(json.process_id)]));
  await usage.refresh([...processes.values()].filter((process) => process !== undefined));
  for (const [json, process] of processes)
    json.usage = process === undefined ? null : usageJson(usage.of(process));
  return page;
}

const UNREAD: Pick<UsageView, 'of'> = { of: () => null };

type Order = (a: ProcessView, b: ProcessView) => number;

/** What comes first; what is equal comes in the order of appearance. */
const ORDERS: Readonly<Record<ProcessQuery['sort'], (usage: Pick<UsageView, 'of'>) => Order>> = {
  start: () => () => 0,
  newest: () => (a, b) => (a.startNs < b.startNs ? 1 : a.startNs > b.startNs ? -1 : 0),
  cpu: (usage) => largest((process) => usage.of(process)?.cpuPercent),
  memory: (usage) => largest((process) => usage.of(process)?.rssBytes),
};

function largest(size: (process: ProcessView) => number | null | undefined): Order {
  return (a, b) => (size(b) ?? -1) - (size(a) ?? -1);
}

function tables(model: ModelView, state: ProcessQuery['state']): IterableIterator<ProcessView>[] {
  if (state === 'running') return [model.running()];
  if (state === 'exited') return [model.exited()];
  return [model.running(), model.exited()];
}

function matcher(model: ModelView, query: ProcessQuery): (process: ProcessView) => boolean {
  const isAskedFor = processFilter(model, query);
  const sinceNs = ktimeOf(query.since, model);
  const untilNs = ktimeOf(query.until, model);
  const isChild = query.parent === undefined ? null : childFilter(model, query.parent);
  const hasText = textFilter(query.text);
  return (process) =>
    (isChild === null || isChild(process)) &&
    (untilNs === null || process.startNs <= untilNs) &&
    (sinceNs === null || process.exitKtimeNs === null || process.exitKtimeNs >= sinceNs) &&
    isAskedFor(process) &&
    (hasText === null || hasText(process, model.metadataOf(process)));
}

/** Whether its parent is the process of this id. An id of another boot, or of no process, has no children. */
function childFilter({ bootId }: ModelView, parentId: string): (process: ProcessView) => boolean {
  const parent = parseProcessId(bootId, parentId);
  return ({ parentPid, parentStartNs }) =>
    parent !== null && parentPid === parent.pid && parentStartNs === parent.startNs;
}

function ktimeOf(time: string | undefined, model: ModelView): bigint | null {
  return time === undefined ? null : model.ktimeOf(unixNs(time));
}

function serialOf(cursor: string, run: string): number {
  const match = /^([0-9a-f]+)-(\d{1,15})$/.exec(cursor);
  if (match?.[1] !== run) {
    throw new CognitodError('BAD_REQUEST', 'cursor: not one of this agent run; begin again without a cursor');
  }
  return Number(match[2]);
}
