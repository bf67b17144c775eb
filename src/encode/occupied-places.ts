// Who is where on the node now: places with what lives in them, and what that uses.
import type { Usage } from '../collect/index.ts';
import type { PlaceActivity, ModelView, Place, ProcessView } from '../model/index.ts';

/** Reads CPU and memory of live processes. */
export interface UsageView {
  refresh(processes: Iterable<ProcessView>): Promise<void>;
  of(process: ProcessView): Usage | null;
}

export interface ActivitySource {
  readonly model: ModelView;
  readonly activity: PlaceActivity;
  readonly usage: UsageView;
}

/** A place with what lives in it now. */
export interface Occupied {
  readonly place: Place;
  readonly live: readonly ProcessView[];
}

/** All places that have had an event or have a live process. */
export function occupiedPlaces({ model, activity }: Pick<ActivitySource, 'model' | 'activity'>): Occupied[] {
  const live = Map.groupBy(model.running(), ({ identity, kernelThread }) =>
    activity.placeOf(identity, kernelThread),
  );
  return activity
    .places()
    .map((place) => ({ place, live: live.get(place) ?? [] }))
    .filter(
      ({ place: { counts }, live }) => live.length > 0 || counts.forks + counts.execs + counts.exits > 0,
    );
}
