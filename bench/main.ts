// `make bench`: measures, keeps the raw numbers in bench/results/ and writes docs/benchmarks.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { admission } from './admission.ts';
import { agentCpu } from './agent-cpu.ts';
import { dashboard } from './dashboard.ts';
import { api } from './api.ts';
import { clients } from './clients.ts';
import { footprint } from './footprint.ts';
import { identity } from './identity.ts';
import { masking } from './masking.ts';
import { cleanUp } from './host.ts';
import { type Measurement, median, meetsTarget } from './measurement.ts';
import { pipeline } from './pipeline.ts';
import { programCost } from './program-cost.ts';
import { keepResult, type Result, writePage } from './page.ts';
import { ROOT } from './programs.ts';
import { scrape } from './scrape.ts';
import { slowdown } from './slowdown.ts';
import { stream } from './stream.ts';
import { versions } from './versions.ts';

const MEASUREMENTS: readonly Measurement[] = [
  programCost,
  agentCpu,
  pipeline,
  masking,
  identity,
  footprint,
  stream,
  clients,
  api,
  scrape,
  slowdown,
  admission,
  dashboard,
];
/** Known to the page; measured only against another checkout. */
const NAMES = [...MEASUREMENTS.map(({ name }) => name), 'versions'];
const RESULTS = join(ROOT, 'bench/results');

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    against: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
const measurements = values.against === undefined ? MEASUREMENTS : [versions(resolve(values.against))];
const only = values.only?.split(',') ?? NAMES;
const unknown = only.filter((name) => !NAMES.includes(name));
if (values.help === true || unknown.length > 0) {
  if (unknown.length > 0) console.error(`there is no measurement ${unknown.join(', ')}`);
  console.log(`usage: bench/main.ts [--quick] [--only ${MEASUREMENTS.map(({ name }) => name).join(',')}]
       bench/main.ts [--quick] --against DIRECTORY   this checkout against another one, in pairs`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    cleanUp();
    process.exit(1);
  });
}

/** Short hash of what is measured; a quick run is kept nowhere, and must work without git. */
function describeCommit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  const changes = git('status', '--porcelain', '--', 'src', 'bpf', 'bench/*.ts', 'cognitod');
  return git('rev-parse', '--short', 'HEAD') + (changes === '' ? '' : ' with uncommitted changes');
}

const commit = values.quick ? '' : describeCommit();
mkdirSync(RESULTS, { recursive: true });
let failed = 0;
for (const { name, how, run } of measurements.filter((measurement) => only.includes(measurement.name))) {
  console.log(`\n${name}`);
  try {
    const figures = await run({ quick: values.quick, say: (text) => console.log(`  ${text}`) });
    for (const figure of figures) {
      const met = meetsTarget(figure);
      const verdict = met === null ? '' : met ? '  met' : '  MISSED';
      console.log(`  = ${figure.name}: ${median(figure.samples).toPrecision(4)} ${figure.unit}${verdict}`);
    }
    const now = new Date().toISOString();
    const machine = `Linux ${release()}, ${availableParallelism()} cores, Node ${process.version}`;
    const result: Result = { name, how, date: now.slice(0, 10), machine, commit, figures };
    // A quick run is a test of the benchmark, not a result.
    if (!values.quick) keepResult(RESULTS, result);
  } catch (error) {
    failed++;
    console.error(`  FAILED: ${(error as Error).stack}`);
  } finally {
    cleanUp();
  }
}
if (!values.quick) writePage(RESULTS, join(ROOT, 'docs/benchmarks.md'), NAMES);
process.exit(failed > 0 ? 1 : 0);
