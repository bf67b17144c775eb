// The verdict on one agent: of each workload, how many events were right when they were told, and what became of the others.
import type { EventJson, ProcessJson } from '../../src/api/index.ts';
import { compare, type Part } from './compare.ts';
import type { Evidence, Required } from './evidence.ts';
import type { Mark } from './mark.ts';
import type { Pods } from './pods.ts';

export interface Wrong {
  readonly why: string;
  readonly told: EventJson | ProcessJson;
}

/** Events are right, late or wrong; missing ones were never told. */
export interface GroupVerdict {
  right: number;
  /** Told before their names were known. */
  late: number;
  /** Told without a workload because the API server was away, as they should say themselves. */
  unreachable: number;
  missing: number;
  /** Processes that queries name rightly, and all of which events were told. */
  processesRight: number;
  processes: number;
  readonly pods: Set<string>;
  readonly wrong: Wrong[];
  /** How often each part of the names was late. */
  readonly lateParts: Map<Part, number>;
}

export interface JudgeOptions {
  readonly evidence: Evidence;
  readonly pods: Pods;
  /** What queries say, at the end. */
  readonly listed: readonly ProcessJson[];
  readonly required: readonly Required[];
  /** The line of the report for an event of a process with this mark; null: it is not looked at. */
  readonly groupOf?: (mark: Mark, event: EventJson) => string | null;
  /** Likewise for a process of which there was no event. */
  readonly groupOfListed?: (mark: Mark) => string | null;
  /** Groups whose events may lack what only the API knows. */
  readonly duringOutage?: ReadonlySet<string>;
}

/** By the line of the report. */
export function judge(options: JudgeOptions): Map<string, GroupVerdict> {
  const { evidence, pods, required, duringOutage } = options;
  const groupOf = options.groupOf ?? ((mark: Mark) => mark.group);
  const verdicts = new Map<string, GroupVerdict>();
  const verdictOf = (group: string) => {
    const verdict = verdicts.get(group) ?? emptyVerdict();
    verdicts.set(group, verdict);
    return verdict;
  };
  const listed = new Map(options.listed.map((process) => [process.process_id, process]));
  for (const [id, { mark, events }] of evidence.processes) {
    const contradiction = pods.contradiction(mark);
    for (const event of events) {
      const group = groupOf(mark, event);
      if (group === null) continue;
      const verdict = verdictOf(group);
      verdict.pods.add(mark.podUid);
      const { wrong, pending, unreachable } = compare(event, mark, pods);
      if (contradiction !== null)
        verdict.wrong.push({ why: `the suite is at odds: ${contradiction}`, told: event });
      else if (wrong.length > 0) verdict.wrong.push({ why: wrong.join(', '), told: event });
      else if (unreachable.length > 0 && duringOutage?.has(group)) verdict.unreachable++;
      else if (unreachable.length > 0) verdict.wrong.push({ why: unreachable.join(', '), told: event });
      else if (pending.length > 0) {
        verdict.late++;
        for (const part of pending) verdict.lateParts.set(part, (verdict.lateParts.get(part) ?? 0) + 1);
      } else verdict.right++;
    }
    const group = groupOf(mark, events[0]!);
    if (group !== null) judgeListed(verdictOf(group), listed.get(id), mark, pods, id);
  }
  judgeOlder(options, verdictOf);
  for (const life of required) {
    const verdict = verdictOf(life.group);
    verdict.missing += life.endless ? evidence.missingTicks(life) : evidence.missing(life);
  }
  return verdicts;
}

/** Processes of which there was no event: those that are older than the agent. */
function judgeOlder(
  { evidence, pods, listed, groupOfListed }: JudgeOptions,
  verdictOf: (group: string) => GroupVerdict,
): void {
  for (const process of listed) {
    const mark = evidence.markOf(process.argv);
    if (mark === null || evidence.processes.has(process.process_id)) continue;
    const group = groupOfListed?.(mark) ?? null;
    if (group !== null) judgeListed(verdictOf(group), process, mark, pods, process.process_id);
  }
}

function judgeListed(
  verdict: GroupVerdict,
  process: ProcessJson | undefined,
  mark: Mark,
  pods: Pods,
  id: string,
): void {
  verdict.processes++;
  if (process === undefined) {
    verdict.wrong.push({ why: 'ps does not list it', told: { process_id: id } as ProcessJson });
    return;
  }
  const { wrong, pending, unreachable } = compare(process, mark, pods);
  const reasons = [...wrong, ...pending.map((part) => `the ${part} is pending`), ...unreachable];
  if (reasons.length === 0) verdict.processesRight++;
  else verdict.wrong.push({ why: `in ps ${reasons.join(', ')}`, told: process });
}

const emptyVerdict = (): GroupVerdict => ({
  right: 0,
  late: 0,
  unreachable: 0,
  missing: 0,
  processesRight: 0,
  processes: 0,
  pods: new Set(),
  wrong: [],
  lateParts: new Map(),
});
