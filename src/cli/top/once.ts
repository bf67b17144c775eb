// `cognitod top --once`: one look, as a table or a document.
import type { Context } from '../context.ts';
import { ledgerText } from '../ledger-text.ts';
import { headLine, layOut, rowLine } from './cells.ts';
import { look } from './feed.ts';
import { POD_COLUMNS } from './pod-rows.ts';
import { PROCESS_COLUMNS, sortProcesses } from './process-rows.ts';
import type { TopOptions } from './top.ts';

const WIDTH = 200;

export async function topOnce(
  context: Context,
  { view, filters, intervalSeconds }: TopOptions,
): Promise<void> {
  const wanted = { view, sort: 'cpu', text: '', filters } as const;
  await look(context.client, wanted);
  // CPU in percent is between two readings.
  await new Promise((resolve) => setTimeout(resolve, Math.max(1, intervalSeconds) * 1000));
  const { status, activity, processes } = await look(context.client, wanted);
  const document = {
    schema_version: 1,
    ledger: status.ledger,
    ...(view === 'pods' ? { node: activity.node, places: activity.places } : { processes }),
  };
  await context.print(document, () => {
    const width = context.output.columns ?? WIDTH;
    const lines =
      view === 'pods'
        ? tableLines(POD_COLUMNS, activity.places, width)
        : tableLines(
            PROCESS_COLUMNS,
            sortProcesses(processes, 'cpu').map((process) => ({ process, branch: '' })),
            width,
          );
    return `${lines.map((line) => line.trimEnd()).join('\n')}\n\n${ledgerText(status.ledger, context.paint)}`;
  });
}

function tableLines<Row>(
  columns: Parameters<typeof layOut<Row>>[0],
  rows: readonly Row[],
  width: number,
): string[] {
  const laidOut = layOut(columns, width);
  return [headLine(laidOut, width), ...rows.map((row) => rowLine(laidOut, row, width))];
}
