// How a cell, which runs in the guest, tells what it found: a file in the job's folder, and words for the log.
import { writeFileSync } from 'node:fs';

/** What a cell of the matrix found. */
export interface Finding {
  readonly ok: boolean;
  /** A few words for the table. */
  readonly text: string;
  readonly figures: Readonly<Record<string, unknown>>;
}

export const JOB = process.env.VM_JOB ?? '/job';

/** Runs a cell to its end: what it throws is its finding. */
export async function tell(cell: string, examine: () => Promise<Finding> | Finding): Promise<void> {
  let finding: Finding;
  try {
    finding = await examine();
  } catch (error) {
    const { code, message, stack } = error as NodeJS.ErrnoException;
    finding = {
      ok: false,
      text: `${code ?? 'error'}: ${message.split('\n')[0]}`,
      figures: { message, stack },
    };
  }
  console.log(`${cell}: ${finding.ok ? 'ok' : 'FAILED'}: ${finding.text}`);
  console.log(JSON.stringify(finding.figures));
  writeFileSync(`${JOB}/${cell}.json`, JSON.stringify(finding));
}
