// A process with all modules of the agent and 100,000 live processes: its memory is measured from outside.
import '../src/serve/index.ts';
import { makePipeline } from './pipeline.ts';
import { makeLives } from './records.ts';

const { table, apply } = makePipeline();
// In batches, as they come from the ring.
for (let first = 0; first < 100_000; first += 1000) {
  apply(makeLives(1000, 1_000_000 + first, 10n ** 15n + BigInt(first) * 10_000n, false));
  await new Promise((resolve) => setTimeout(resolve, 1));
}
console.log(table.runningCount === 100_000 ? 'ready' : `${table.runningCount} processes are kept`);
process.stdin.resume();
