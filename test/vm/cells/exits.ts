// One exit per process also where threads die at one moment, and the exit is the process's, not the last thread's.
import { tell } from './report.ts';
import { watch } from './watched.ts';

const PROCESSES = ['threads', '16', '--simultaneous', '--rounds', process.env.VM_ROUNDS ?? '200'];
const AT_ONCE = 4;

await tell('exits', async () => {
  const figures: Record<string, unknown> = {};
  let twice = 0;
  let missing = 0;
  let made = 0;
  for (const hooks of ['tp_btf', 'raw_tp'] as const) {
    const watched = await watch({ hooks }, [Array.from({ length: AT_ONCE }, () => PROCESSES)]);
    figures[hooks] = watched;
    made += watched.made.exits;
    twice += watched.twice;
    missing += watched.made.exits - watched.seen.exits;
  }
  return {
    ok: twice === 0 && missing === 0,
    text: `${made} processes, ${twice} twice, ${missing} never`,
    figures,
  };
});
