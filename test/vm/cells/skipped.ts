// On Linux 7 with one copy of each program instead of four: execs and exits are skipped then, and the account of them is
// as exact as it can be: an exec is not counted when its process told nothing after its fork. With four none is.
import { tell } from './report.ts';
import { watch } from './watched.ts';

/** Every process but the parents execs once: of one that told nothing the exec and the exit were skipped. */
const WORK = [[['execs', '6000', '--parents', '8']]] as const;

await tell('skipped', async () => {
  const one = await watch({ hooks: 'tp_btf', copies: 1 }, WORK);
  const four = await watch({ hooks: 'tp_btf' }, WORK);
  const gone = ({ made, seen }: typeof one) => ({
    execs: made.execs - seen.execs,
    exits: made.exits - seen.exits,
  });
  const exact = [one, four].every(
    (watched) =>
      watched.made.forks === watched.seen.forks &&
      gone(watched).execs === watched.missing.execs + watched.silent &&
      gone(watched).exits === watched.missing.exits &&
      watched.twice === 0,
  );
  const words = (watched: typeof one) => `${gone(watched).execs} execs, ${gone(watched).exits} exits`;
  const happened = gone(one).execs + gone(one).exits > 0;
  return {
    ok: exact && happened,
    text: `of ${one.made.execs} and ${one.made.exits}: one copy ${words(one)}, four ${words(four)}; account ${exact ? 'exact' : 'WRONG'}`,
    figures: { one, four },
  };
});
