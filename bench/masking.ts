// What it costs to look for secrets in the arguments of one exec, ordinary ones and such that are made to be expensive.
import { createMasker } from '../src/decode/index.ts';
import { costNs, type Figure, type Measurement } from './measurement.ts';

const BYTES = 4000;
const VECTORS = 2000;
const repeat = (piece: string) => piece.repeat(Math.ceil(BYTES / piece.length)).slice(0, BYTES);

const VECTORS_BY_NAME: readonly (readonly [name: string, argv: readonly string[]])[] = [
  ['4 short arguments', ['python3', 'worker.py', '--queue', 'orders']],
  ['4 KB of options', ['app', ...Array(190).fill('--config=/etc/a.yaml')]],
  ['4 KB in one path', ['java', '-cp', repeat('/app/lib/library-1.2.jar:')]],
  ['4 KB of script', ['sh', '-c', repeat('for i in 1 2 3; do cat "/etc/app/$i" | grep x; done; ')]],
  ['4 KB of nested quotes (hostile)', ['sh', '-c', `token ${repeat('sh -c \'"')}`]],
  ['4 KB of assignments (hostile)', ['sh', '-c', `token ${repeat('token= ')}`]],
  ['2000 arguments (hostile)', ['sudo', ...Array(2000).fill('a')]],
];

export const masking: Measurement = {
  name: 'masking',
  how: 'the same arguments again and again, copied each time, without the cache of commands; CPU time of all threads ÷ argument vectors. Hostile arguments use up the budget (docs/secrets.md).',
  async run({ quick, say }) {
    const rounds = quick ? 3 : 11;
    const mask = createMasker({ enabled: true, extraArguments: [], extraPatterns: [] });
    const figures: Figure[] = [];
    for (const [name, argv] of VECTORS_BY_NAME) {
      const samples: number[] = [];
      for (let round = 0; round < rounds + 2; round++) {
        const ns = costNs(VECTORS, () => {
          for (let index = 0; index < VECTORS; index++) mask([...argv], argv[0]!);
        });
        if (round >= 2) samples.push(ns / 1000);
      }
      say(`${name}: ${samples.at(-1)!.toFixed(1)} µs`);
      figures.push({ name, unit: 'µs/exec', samples });
    }
    return figures;
  },
};
