// Writes docs/benchmarks.md from the newest raw result of each measurement.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
Made by \`make bench\` from \`bench/results/\` (all samples are there). Medians; "range" is from the smallest to the largest
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

export function writePage(resultsFolder: string, page: string, order: readonly string[]): void {
  const newest = new Map<string, Result>();
  for (const file of readdirSync(resultsFolder)
    .filter((name) => name.endsWith('.json'))
    .sort()) {
    const result = JSON.parse(readFileSync(join(resultsFolder, file), 'utf8')) as Result;
    newest.set(result.name, result);
  }
  let text = HEAD;
  for (const name of order) {
    const result = newest.get(name);
    if (result === undefined) continue;
    text += `\n## ${name}\n${result.how}\n\n${result.date}, ${result.machine}, commit ${result.commit}.\n\n`;
    text += '| figure | median | range | runs | target | |\n|---|---|---|---|---|---|\n';
    text += `${result.figures.map(row).join('\n')}\n`;
  }
  writeFileSync(page, text);
}
