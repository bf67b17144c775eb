// Keeps the newest result of each measurement with all its samples, one line of every earlier one, and writes docs/benchmarks.md.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, median, meetsTarget } from './measurement.ts';

export interface Result {
  readonly name: string;
  readonly how: string;
  readonly date: string;
  readonly machine: string;
  readonly commit: string;
  readonly figures: readonly Figure[];
}

const HEAD = `# Benchmarks
Made by \`make bench\` from \`bench/results/\` (all samples are there; \`history.jsonl\` has the medians of every run). Medians; "range" is from the smallest to the largest
sample. Runs that are compared with each other were interleaved. A missed target says so.
\`make bench ARGS="--quick"\` shows in a few minutes that everything works, \`ARGS="--only stream"\` runs one measurement.
`;

const number = (value: number) =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);

function row(figure: Figure): string {
  const { name, unit, samples, target, note } = figure;
  const sorted = samples.toSorted((a, b) => a - b);
  const wanted =
    target === undefined ? '' : 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
  const met = meetsTarget(figure);
  const verdict = met === null ? '' : met ? 'met' : '**missed**';
  const range = samples.length > 1 ? `${number(sorted[0]!)} – ${number(sorted.at(-1)!)}` : '';
  const label = note === undefined ? name : `${name} (${note})`;
  return `| ${label} | ${number(median(samples))} ${unit} | ${range} | ${samples.length} | ${wanted} | ${verdict} |`;
}

const fileOf = (folder: string, name: string) => join(folder, `${name}.json`);

/** In place of the one before, of which the medians stay in the history. */
export function keepResult(folder: string, result: Result): void {
  writeFileSync(fileOf(folder, result.name), `${JSON.stringify(result, null, 1)}\n`);
  const { name, date, machine, commit } = result;
  const medians = Object.fromEntries(
    result.figures.map((figure) => [
      `${figure.name}, ${figure.unit}`,
      Number(median(figure.samples).toPrecision(4)),
    ]),
  );
  appendFileSync(
    join(folder, 'history.jsonl'),
    `${JSON.stringify({ name, date, machine, commit, medians })}\n`,
  );
}

export function writePage(folder: string, page: string, order: readonly string[]): void {
  let text = HEAD;
  for (const name of order.filter((one) => existsSync(fileOf(folder, one)))) {
    const result = JSON.parse(readFileSync(fileOf(folder, name), 'utf8')) as Result;
    text += `\n## ${name}\n${result.how}\n\n${result.date}, ${result.machine}, commit ${result.commit}.\n\n`;
    text += '| figure | median | range | runs | target | |\n|---|---|---|---|---|---|\n';
    text += `${result.figures.map(row).join('\n')}\n`;
  }
  writeFileSync(page, text);
}
