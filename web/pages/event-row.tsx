// One event, or a gap, as a row.
import type { EventJson, GapJson } from '../../src/api/index.ts';
import type { Entry } from '../model/event-log.ts';
import { placeText } from '../model/place.ts';
import { shortCommand } from '../model/live-list.ts';
import { clockText, countText, durationText, exitText, harmless } from '../ui/figures.ts';
import type { GridRow } from '../ui/virtual-grid.tsx';

export const EVENT_COLUMNS = [
  { title: 'Time' },
  { title: 'Event' },
  { title: 'PID', figures: true },
  { title: 'Parent', figures: true },
  { title: 'User', figures: true },
  { title: 'Where' },
  { title: 'Command' },
];

const GAP_REASONS: Readonly<Record<string, string>> = {
  'slow-client': 'this page was too slow',
  'buffer-expired': 'the connection was broken for too long',
  'other-run': 'the agent was started anew',
};

export function gapText({ lost, reason }: GapJson): string {
  const events =
    lost === null
      ? 'Nobody knows how many events were'
      : lost === 1
        ? '1 event was'
        : `${countText(lost)} events were`;
  return `${events} not sent: ${GAP_REASONS[reason] ?? harmless(reason)}`;
}

/** What happened, in words: the command line, and of an exit how it ended. */
export function outcomeText(event: EventJson): string {
  if (event.type !== 'exit') return shortCommand(event);
  const how = harmless(exitText(event.exit_code, event.exit_signal_name ?? event.exit_signal));
  const lifetime = event.lifetime_ns === undefined ? '' : ` after ${durationText(event.lifetime_ns / 1e9)}`;
  return `${harmless(event.comm)}: ${how}${lifetime}`;
}

export function isFailure(event: EventJson): boolean {
  return event.type === 'exit' && (event.exit_signal != null || (event.exit_code ?? 0) !== 0);
}

/** Empty for an entry that was dropped since. */
export function eventRow(entry: Entry | undefined, serial: number): GridRow {
  const key = String(serial);
  if (entry === undefined) return { key, cells: EVENT_COLUMNS.map(() => '') };
  const { record } = entry;
  const time = <time dateTime={record.time}>{clockText(record.time)}</time>;
  if (record.type === 'gap') {
    const cells = [time, <span class="chip gap">gap</span>, '', '', '', '', gapText(record)];
    return { key, class: 'gap', cells };
  }
  const chip = <span class={`chip ${record.type}`}>{record.type}</span>;
  const where = <bdi class="where">{placeText(record)}</bdi>;
  const what = <bdi class="command">{outcomeText(record)}</bdi>;
  return {
    key,
    class: isFailure(record) ? 'failed' : '',
    cells: [time, chip, record.pid, record.ppid, record.uid, where, what],
  };
}
