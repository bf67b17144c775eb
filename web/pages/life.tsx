// The life of a process as a line, and as a list.
import type { JSX } from 'preact';
import type { LifeStory, Moment } from '../model/life.ts';
import { clockText, dateText, spanText } from '../ui/figures.ts';
import { formatRoute, route } from '../ui/route.ts';

const NAMES: Readonly<Record<Moment['kind'], string>> = {
  start: 'start',
  exec: 'exec',
  child: 'child',
  exit: 'exit',
};

export function Life({ life }: { life: LifeStory }): JSX.Element {
  const { start, end, running, moments, more } = life;
  return (
    <>
      <div class={`lifeline ${running ? 'running' : ''}`} aria-hidden="true">
        <div class="lifeline-bar">
          {moments.map(({ kind, time, place }, index) => (
            <span
              key={`${time} ${index}`}
              class={`mark-${kind}`}
              style={{ insetInlineStart: `${place * 100}%` }}
            />
          ))}
        </div>
        <div class="lifeline-ends">
          <span>{dateText(start)}</span>
          <span>{running ? 'now' : dateText(end)}</span>
        </div>
      </div>
      <ol class="moments" aria-label="What happened">
        {moments.map((moment, index) => (
          <li key={`${moment.time} ${index}`}>
            <span class={`chip ${moment.kind}`}>{NAMES[moment.kind]}</span>
            <time dateTime={moment.time} title={clockText(moment.time)}>
              {index === 0 ? clockText(moment.time) : `+${spanText(start, moment.time)}`}
            </time>
            <MomentText moment={moment} />
          </li>
        ))}
      </ol>
      {more > 0 && <p class="muted">{more} more in between</p>}
    </>
  );
}

function MomentText({ moment: { text, processId } }: { moment: Moment }): JSX.Element {
  const name = <bdi class="command">{text}</bdi>;
  if (processId === null) return name;
  return <a href={formatRoute({ page: 'processes', id: processId, query: route.value.query })}>{name}</a>;
}
