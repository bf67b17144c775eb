// The stages of every agent, in the order in which they are told.
import type { PlaceActivity, AppliedEvent, EventBus, LateBinding, Stage } from '../model/index.ts';
import type { Names } from './open-names.ts';

/** Asks for the names of new pods before their first process, and looks for those that nobody tells yet. */
export function namingStage({ expect, search }: Pick<Names, 'expect' | 'search'>): Stage {
  return {
    name: 'names',
    cgroup: expect,
    move: ({ pid }, identity) => search.note(pid, identity),
    event: ({ event, identity }) => {
      if (event.type !== 'exit') search.note(event.pid, identity);
    },
  };
}

/** Counts what pods, containers and services do. */
export function activityStage(activity: Pick<PlaceActivity, 'note' | 'tick'>): Stage {
  let isFirst = true;
  return {
    name: 'activity',
    event: ({ event, identity }) => {
      if (isFirst) activity.tick();
      isFirst = false;
      activity.note(event, identity);
    },
    batchEnd: () => {
      isFirst = true;
    },
  };
}

/** Gives the events of a batch to whoever listens, once they have their names; keeps none while nobody does. */
export function publishingStage(
  bus: Pick<EventBus, 'subscribers' | 'passed'>,
  binding: Pick<LateBinding, 'offer' | 'skip'>,
): Stage {
  let batch: AppliedEvent[] = [];
  let unheard = 0;
  return {
    name: 'events to listeners',
    event: (applied) => {
      if (bus.subscribers > 0) batch.push(applied);
      else unheard++;
    },
    batchEnd: () => {
      if (unheard > 0) bus.passed(binding.skip(unheard));
      unheard = 0;
      if (batch.length === 0) return;
      const full = batch;
      batch = [];
      binding.offer(full);
    },
  };
}

/** Measures how old the first event of a batch is when the batch has been read. `observe` takes its CLOCK_BOOTTIME. */
export function delayStage(observe: (ktimeNs: bigint) => void): Stage {
  let oldestNs: bigint | null = null;
  return {
    name: 'delay',
    event: ({ event }) => {
      oldestNs ??= event.ktimeNs;
    },
    batchEnd: () => {
      if (oldestNs !== null) observe(oldestNs);
      oldestNs = null;
    },
  };
}
