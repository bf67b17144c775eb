// What happens on the node now: rates, and pods by activity.
import type { JSX } from 'preact';
import type { ActivityJson } from '../../src/api/index.ts';
import { useDocument } from '../agent/poll.ts';
import { countText, percentText, rateText } from '../ui/figures.ts';
import { RateChart, type Series } from '../ui/rate-chart.tsx';
import { Failed, Loading } from '../ui/states.tsx';
import { PlaceTable } from './place-table.tsx';

const PERIOD_MS = 1_000;

export function Now(): JSX.Element {
  const answer = useDocument('activity', PERIOD_MS).value;
  if (answer === null) return <Loading what="the activity" />;
  if (!answer.ok) return <Failed what="the activity" failure={answer.failure} />;
  const { node, history, places, total } = answer.value;
  return (
    <>
      <section class="tiles" aria-label="The node">
        <Tile name="Processes" figure={countText(node.running)} note="running" />
        <Tile name="Forks" figure={rateText(node.fork_rate)} note="per second" color="--fork" />
        <Tile name="Execs" figure={rateText(node.exec_rate)} note="per second" color="--exec" />
        <Tile name="Exits" figure={rateText(node.exit_rate)} note="per second" color="--exit" />
        <Tile
          name="Failed"
          figure={percentText(node.failed_exits + node.killed_exits, node.exits)}
          note={`${countText(node.failed_exits)} with a code, ${countText(node.killed_exits)} killed`}
        />
        <Tile
          name="Short-lived"
          figure={percentText(node.short_lived, node.exits)}
          note="of exits, within a second"
        />
      </section>
      <Rates history={history} />
      <PlaceTable places={places} total={total} />
    </>
  );
}

function Tile({
  name,
  figure,
  note,
  color,
}: {
  name: string;
  figure: string;
  note: string;
  color?: string;
}): JSX.Element {
  return (
    <div class="tile">
      <span class="tile-name">
        {color !== undefined && <span class="swatch" style={{ background: `var(${color})` }} />}
        {name}
      </span>
      <span class="tile-figure">{figure}</span>
      <span class="tile-note">{note}</span>
    </div>
  );
}

function Rates({ history }: { history: ActivityJson['history'] }): JSX.Element {
  const series: Series[] = [
    { name: 'forks', color: '--fork', values: history.forks },
    { name: 'execs', color: '--exec', values: history.execs },
    { name: 'exits', color: '--exit', values: history.exits, dashed: true },
  ];
  const label = series.map(
    ({ name, values }) => `${name}: last ${values.at(-1) ?? 0}, most ${Math.max(0, ...values)} per second`,
  );
  const minutes = Math.max(1, Math.round(history.forks.length / 60));
  return (
    <section class="card rates" aria-labelledby="rates-title">
      <div class="card-head">
        <h2 id="rates-title">Events per second</h2>
        <span class="legend" aria-hidden="true">
          {series.map(({ name, color, values }) => (
            <span key={name}>
              <span class="swatch" style={{ background: `var(${color})` }} />
              {name} <b>{values.at(-1) ?? 0}</b>
            </span>
          ))}
        </span>
      </div>
      <RateChart
        label={`Events per second in the last ${minutes} minutes; ${label.join('; ')}`}
        from={history.from}
        series={series}
      />
    </section>
  );
}
