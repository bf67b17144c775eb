// This checkout against another one, in pairs that alternate: a change must not make the agent dearer.
import { agentRound, total } from './agent-cpu.ts';
import type { Figure, Measurement } from './measurement.ts';
import { ownExitWith, ROOT, runWorkload } from './programs.ts';

const KINDS = ['fork', 'exec', 'exit'] as const;
/** What counts as no worse on machines as noisy as these. */
const AT_MOST = 1.03;

/** `other`: the directory of the other checkout, prepared (`scripts/setup run` there). */
export function versions(other: string): Measurement {
  return {
    name: 'versions',
    how: 'the agent of this checkout and that of an earlier one under the same load (vfork+exit and vfork+exec+exit at full speed), one after the other, the first of a pair changing from pair to pair; ratios of pairs, so that what the machine does meanwhile is in both.',
    async run({ quick, say }) {
      const executable = ownExitWith('bench-versions');
      const [forks, execs] = quick ? [4000, 1500] : [60_000, 12_000];
      const load = async () => {
        await runWorkload(executable, 'vforks', forks, 3);
        await runWorkload(executable, 'execs', execs, 2);
      };
      const figures: Figure[] = [];
      for (const printing of [false, true]) {
        const ratios: Record<'cpu' | 'rss', number[]> = { cpu: [], rss: [] };
        for (let pair = 0; pair < (quick ? 1 : 9); pair++) {
          const order = pair % 2 === 0 ? [ROOT, other] : [other, ROOT];
          const found = new Map<string, { cpu: number; rss: number }>();
          for (const checkout of order) {
            const { cpu, rss, seen } = await agentRound(printing, load, checkout);
            found.set(checkout, { cpu: cpu / total(seen, KINDS), rss });
          }
          const [own, before] = [found.get(ROOT)!, found.get(other)!];
          ratios.cpu.push(own.cpu / before.cpu);
          ratios.rss.push(own.rss / before.rss);
          say(
            `${printing ? 'printing: ' : ''}CPU per event ${(own.cpu * 1e9).toFixed(0)} ÷ ${(before.cpu * 1e9).toFixed(0)} ns = ${(own.cpu / before.cpu).toFixed(3)}, resident ${own.rss.toFixed(1)} ÷ ${before.rss.toFixed(1)} MB`,
          );
        }
        const how = printing ? ', printing' : '';
        figures.push(
          {
            name: `CPU per event${how}, now ÷ before`,
            unit: '×',
            samples: ratios.cpu,
            ...boundsOf(ratios.cpu),
          },
          {
            name: `resident when idle${how}, now ÷ before`,
            unit: '×',
            samples: ratios.rss,
            ...boundsOf(ratios.rss),
          },
        );
      }
      return figures;
    },
  };
}

/** The target, and the interval of the median: of nine pairs the second and the eighth, 96 % (order statistics). */
function boundsOf(samples: readonly number[]): Pick<Figure, 'target' | 'note'> {
  const sorted = samples.toSorted((a, b) => a - b);
  const edge = Math.min(1, sorted.length - 1);
  const [low, high] = [sorted[edge]!, sorted[sorted.length - 1 - edge]!];
  return {
    target: { atMost: AT_MOST },
    note: `${low.toFixed(3)}–${high.toFixed(3)} (96 % interval of the median of ${samples.length} pairs)`,
  };
}
