// `cognitod status`: whether the agent sees everything, and what it costs.
import { type StatusJson, statusSchema } from '../../api/index.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { bytesText, countText, durationText, harmless, type Painter, table } from '../text.ts';

/** Resolves with the exit code. */
export async function status(context: Context): Promise<number> {
  const document = await context.client.get('/api/v1/status', {}, statusSchema);
  context.print(document, () => statusText(document, context.paint));
  return document.ready ? EXIT.ok : EXIT.notReady;
}

function statusText(status: StatusJson, paint: Painter): string {
  const { collector, ledger, processes, memory } = status;
  const ready = status.ready ? paint('green', 'yes') : paint(['bold', 'red'], 'NO');
  const ring =
    collector.ring_bytes === null
      ? 'none'
      : `${bytesText(collector.ring_bytes)}, ${bytesText(collector.ring_used_bytes ?? 0)} in use`;
  const head = table([
    ['sees the whole node', ready],
    ...status.reasons.map((reason) => ['', harmless(reason)]),
    ['agent', `cognitod ${status.version}, pid ${status.pid}, up ${durationText(status.uptime_seconds)}`],
    ['node', `${harmless(status.node)}, Linux ${harmless(collector.kernel)}`],
    ['collector', `${collector.kind}: ${harmless(collector.reason)}`],
    ['hooks', collector.hooks.join(', ')],
    ['ring', ring],
    [
      'processes',
      `${countText(processes.running)} running, ${countText(processes.exited)} exited, ${countText(processes.containers)} containers`,
    ],
    [
      'memory',
      `${bytesText(memory.rss_bytes)} resident, ${bytesText(memory.model_bytes)} for the process table`,
    ],
    ['stream clients', String(status.clients)],
  ]);
  return `${head}\n${ledgerText(ledger, paint)}`;
}

/** The ledger as a table; also printed by the agent at its end. */
export function ledgerText(ledger: StatusJson['ledger'], paint: Painter): string {
  const rows = (['fork', 'exec', 'exit'] as const).map((kind) => {
    const entry = ledger[kind];
    return [kind, ...[entry.kernel, entry.decoded, entry.lost, entry.pending].map(countText)];
  });
  const widths = [6, 12, 12, 10, 8];
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('');
  const { seen, attributed, unknown_cgroup: unknown } = ledger.containers;
  const share =
    seen === 0
      ? 'none in containers'
      : `${countText(attributed)} of ${countText(seen)} in containers attributed (${((100 * attributed) / seen).toFixed(2)} %)`;
  const notes = [
    `events: ${share}${unknown === 0 ? '' : `, ${countText(unknown)} of an unknown cgroup`}`,
    ...noteOf(ledger.healed, { exit_unseen: 'exits not seen', fork_unseen: 'forks not seen' }, 'healed'),
    ...noteOf(
      ledger.dropped,
      { exited: 'exited processes', live: 'live processes', images: 'images' },
      'forgotten for lack of space',
    ),
  ];
  const lost = ledger.fork.lost + ledger.exec.lost + ledger.exit.lost;
  const verdict =
    lost === 0 ? paint('green', 'nothing lost') : paint(['bold', 'red'], `${countText(lost)} events lost`);
  return `${[line(['ledger', 'kernel', 'decoded', 'lost', 'pending']), ...rows.map(line), ...notes, verdict].join('\n')}\n`;
}

function noteOf<K extends string>(
  counts: Record<K, number>,
  names: Record<K, string>,
  what: string,
): string[] {
  const parts = (Object.keys(names) as K[])
    .filter((key) => counts[key] > 0)
    .map((key) => `${countText(counts[key])} ${names[key]}`);
  return parts.length === 0 ? [] : [`${what}: ${parts.join(', ')}`];
}
