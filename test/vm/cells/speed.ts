// 100,000 processes as fast as the machine makes them, every fifth with threads: what was seen is what was made, but for
// what is counted as lost or skipped.
import { tell } from './report.ts';
import { watch } from './watched.ts';

const share = (part: number) =>
  String(Math.round((Number(process.env.VM_PROCESSES ?? 100_000) * part) / 100));

await tell('speed', async () => {
  const threads = ['threads', '3', '--simultaneous', '--rounds', share(5)];
  const watched = await watch({ hooks: 'tp_btf' }, [
    [['vforks', share(40), '--parents', '3']],
    [['forks', share(20), '--parents', '3']],
    [['execs', share(20), '--parents', '3']],
    [threads, threads, threads, threads],
  ]);
  const { made, seen, lost, missing, twice, seconds } = watched;
  const gone = { execs: made.execs - seen.execs, exits: made.exits - seen.exits };
  const ok =
    made.forks - seen.forks === lost.forks &&
    gone.execs === missing.execs &&
    gone.exits === missing.exits &&
    twice === 0;
  const skipped = Math.max(0, missing.execs - lost.execs) + Math.max(0, missing.exits - lost.exits);
  const all = lost.forks + lost.execs + lost.exits;
  const text = `${made.forks} processes in ${seconds} s; lost ${all}, skipped ${skipped}`;
  return { ok, text, figures: { ...watched } };
});
