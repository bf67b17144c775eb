// The live stream of events, newest first, with filters that are in the address.
import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { GapJson } from '../../src/api/index.ts';
import { openStream } from '../agent/stream.ts';
import { EVENT_TYPES, eventFiltersOf } from '../model/filters.ts';
import { EventLog, type EventView } from '../model/event-log.ts';
import { countText } from '../ui/figures.ts';
import { useChanges } from '../ui/frame.ts';
import { route } from '../ui/route.ts';
import { Empty, Loading } from '../ui/states.tsx';
import { VirtualGrid } from '../ui/virtual-grid.tsx';
import { EventDetail } from './event-detail.tsx';
import { EVENT_COLUMNS, eventRow } from './event-row.tsx';
import { FilterBar } from './filter-bar.tsx';

export function Events(): JSX.Element {
  const filters = eventFiltersOf(route.value.query);
  // Another filter is another stream: nothing of the last one is shown.
  const key = JSON.stringify(filters);
  return (
    <div class="list">
      <FilterBar filters={filters} />
      <EventList key={key} filters={filters} />
    </div>
  );
}

/** `ready` is none. */
const SHOWN_KINDS: ReadonlySet<string> = new Set([...EVENT_TYPES, 'gap']);

function EventList({ filters }: { filters: Readonly<Record<string, string>> }): JSX.Element {
  const log = useMemo(() => new EventLog(), []);
  /** What is shown while paused. */
  const paused = useSignal<EventView | null>(null);
  /** By serial number, which stays the same when more come. */
  const active = useSignal<number | null>(null);
  const opened = useSignal<number | null>(null);
  const problem = useSignal<string | null>(null);
  const connected = useSignal(false);
  const lost = useSignal(0);
  const version = useCallback(() => log.newest, [log]);
  useChanges(version);
  useEffect(() => {
    const stream = openStream('events', filters, {
      onRecord({ kind, text }) {
        if (kind === 'gap') lost.value += (JSON.parse(text) as GapJson).lost ?? 0;
        if (SHOWN_KINDS.has(kind)) log.add(kind, text);
      },
      onState(state) {
        problem.value = state;
        if (state === null) connected.value = true;
      },
    });
    return () => stream.close();
  }, []);

  const view: EventView = paused.value ?? log;
  // As drawn: more may have come when a row is drawn again or clicked.
  const { newest, size } = view;
  const openedEntry = opened.value === null ? undefined : view.bySerial(opened.value);
  const activeIndex = active.value === null ? -1 : newest - active.value;
  const pause = () => {
    paused.value ??= log.freeze(newest);
  };
  const resume = () => {
    paused.value = null;
    opened.value = null;
    document.querySelector('.events-grid .grid-scroll')?.scrollTo({ top: 0 });
  };
  const isPaused = paused.value !== null;
  return (
    <>
      <div class="stream-state">
        <button
          type="button"
          data-pause
          class={isPaused ? 'primary' : ''}
          onClick={isPaused ? resume : pause}
        >
          {isPaused ? 'Resume' : 'Pause'}
        </button>
        <StreamState
          problem={problem.value}
          connected={connected.value}
          paused={isPaused}
          waiting={log.newest - newest}
        />
        {lost.value > 0 && <span class="chip gap">{countText(lost.value)} not sent</span>}
        <span class="muted count">
          {countText(log.newest)} {log.newest === 1 ? 'event' : 'events'}
          {log.newest > log.size && <span class="spare">, the last {countText(log.size)} kept</span>}
        </span>
      </div>
      <div class={`split ${openedEntry === undefined ? '' : 'open'}`}>
        <VirtualGrid
          id="event"
          class="events-grid"
          label="Events, newest first"
          columns={EVENT_COLUMNS}
          count={size}
          row={(index) => eventRow(view.bySerial(newest - index), newest - index)}
          active={activeIndex < size ? activeIndex : -1}
          // A row that moves away under the reader cannot be read, nor hit.
          onPress={pause}
          onActive={(index) => {
            pause();
            active.value = newest - index;
          }}
          onOpen={(index) => {
            opened.value = newest - index;
          }}
          onScrolled={(atTop) => {
            if (!atTop) pause();
          }}
          empty={
            connected.value ? (
              <Empty title="No events yet">
                <span>They appear here as they happen.</span>
              </Empty>
            ) : (
              <Loading what="events" />
            )
          }
        />
        {openedEntry !== undefined && (
          <EventDetail
            entry={openedEntry}
            onClose={() => {
              opened.value = null;
              document.querySelector<HTMLElement>('.events-grid [role=grid]')?.focus();
            }}
          />
        )}
      </div>
    </>
  );
}

function StreamState({
  problem,
  connected,
  paused,
  waiting,
}: {
  problem: string | null;
  connected: boolean;
  paused: boolean;
  waiting: number;
}): JSX.Element {
  // The count is not read out: it changes all the time.
  return (
    <>
      <span
        role="status"
        class={`live ${problem === null && connected ? (paused ? 'paused' : 'on') : 'off'}`}
      >
        {problem !== null
          ? `Not connected: ${problem}`
          : !connected
            ? 'Connecting…'
            : paused
              ? 'Paused'
              : 'Live'}
      </span>
      {paused && <span class="muted">{waiting === 0 ? 'nothing new' : `${countText(waiting)} new`}</span>}
    </>
  );
}
