// Prints a verdict: a line for each workload, the first wrong events in full, and the total.
import type { GroupVerdict } from './judge.ts';

const SHOWN = 5;

export interface ReportOptions {
  readonly title: string;
  readonly verdicts: ReadonlyMap<string, GroupVerdict>;
  /** Where names come late by nature: counted, told, and no failure. */
  readonly mayBeLate: boolean;
}

/** Events and processes of all workloads together. */
export interface Figures {
  right: number;
  late: number;
  unreachable: number;
  all: number;
  processesRight: number;
  processes: number;
}

/** Whether all is as it must be, and the totals. */
export function report({ title, verdicts, mayBeLate }: ReportOptions): { right: boolean; figures: Figures } {
  console.log(`\n${title}`);
  const ordered = [...verdicts].sort(([a], [b]) => (a < b ? -1 : 1));
  const sum: Figures = { right: 0, late: 0, unreachable: 0, all: 0, processesRight: 0, processes: 0 };
  for (const [group, verdict] of ordered) {
    const { right, late, unreachable, missing } = verdict;
    const wrongEvents = verdict.wrong.filter(({ told }) => 'type' in told).length;
    const all = right + late + unreachable + missing + wrongEvents;
    const podsText = verdict.pods.size === 1 ? '1 pod' : `${verdict.pods.size} pods`;
    const notes = [
      ...(late > 0 ? [`${late} told before their names were known (${partsText(verdict)})`] : []),
      ...(unreachable > 0 ? [`${unreachable} told without what only the API server knows, and why`] : []),
      ...(missing > 0 ? [`${missing} never told`] : []),
      ...(wrongEvents > 0 ? [`${wrongEvents} wrong`] : []),
      ...(verdict.processesRight < verdict.processes
        ? [`ps: ${verdict.processesRight} of ${verdict.processes} processes right`]
        : []),
    ];
    const note = notes.length === 0 ? '' : `; ${notes.join('; ')}`;
    console.log(
      `  ${group.padEnd(26)}${podsText.padEnd(8)}${String(right).padStart(6)} of ${all} right${note}`,
    );
    sum.right += right;
    sum.late += late;
    sum.unreachable += unreachable;
    sum.all += all;
    sum.processesRight += verdict.processesRight;
    sum.processes += verdict.processes;
  }
  showWrong(verdicts);
  const excused = sum.unreachable + (mayBeLate ? sum.late : 0);
  const late = sum.late > 0 ? `, ${sum.late} told before their names were known` : '';
  const unreachable = sum.unreachable > 0 ? `, ${sum.unreachable} during the outage without a workload` : '';
  console.log(
    `  total: ${sum.right} of ${sum.all} events right${late}${unreachable}; ` +
      `ps: ${sum.processesRight} of ${sum.processes} processes right`,
  );
  if (sum.all === 0)
    console.log('  no process of a workload was seen: does this kernel run the containers of the node?');
  const right = sum.all > 0 && sum.right + excused === sum.all && sum.processesRight === sum.processes;
  return { right, figures: sum };
}

/** The first of each kind, in full. */
function showWrong(verdicts: ReadonlyMap<string, GroupVerdict>): void {
  const kinds = new Map<string, { told: object; count: number }>();
  for (const [group, { wrong }] of verdicts) {
    for (const { why, told } of wrong) {
      const text = `${group}: ${why}`;
      const kind = kinds.get(text) ?? { told, count: 0 };
      kinds.set(text, { ...kind, count: kind.count + 1 });
    }
  }
  for (const [text, { told, count }] of [...kinds].slice(0, SHOWN))
    console.log(`  wrong, ${count} times: ${text}\n    ${JSON.stringify(told)}`);
  if (kinds.size > SHOWN) console.log(`  and ${kinds.size - SHOWN} other kinds of wrong`);
}

const partsText = ({ lateParts }: GroupVerdict) =>
  [...lateParts].map(([part, count]) => `the ${part} of ${count}`).join(', ');
