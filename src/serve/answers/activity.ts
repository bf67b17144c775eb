// Answers what the pods of the node do.
import {
  type ActivityJson,
  type ActivityQuery,
  type PlaceActivityJson,
  SCHEMA_VERSION,
} from '../../api/index.ts';
import { type ActivitySource, countsJson, occupiedPlaces, placeJson } from '../../encode/index.ts';
import { HISTORY_SECONDS } from '../../model/index.ts';
import { placeFilter } from './place-filter.ts';

/** Places by activity, the busiest first: by events of the last ten seconds, then by events ever. */
export async function activityJson(source: ActivitySource, query: ActivityQuery): Promise<ActivityJson> {
  const { model, activity, usage } = source;
  await usage.refresh(model.running());
  const second = activity.tick();
  const isPlace = placeFilter(query);
  const places = occupiedPlaces(source)
    .filter(
      ({ place: { identity }, live }) =>
        isPlace === null ||
        (identity !== null && isPlace(identity, model.metadataOf({ identity }))) ||
        live.some((process) => isPlace(process.identity, model.metadataOf(process))),
    )
    .map((place) => placeJson(place, second, source))
    .sort((a, b) => recent(b) - recent(a) || total(b) - total(a) || b.running - a.running);
  const from = Math.floor(Date.now() / 1000) - HISTORY_SECONDS;
  const history = (type: 'fork' | 'exec' | 'exit') => activity.node.history(type, second);
  return {
    schema_version: SCHEMA_VERSION,
    time: new Date().toISOString(),
    node: { running: model.runningCount, ...countsJson(activity.node, second) },
    history: { from, forks: history('fork'), execs: history('exec'), exits: history('exit') },
    places: places.slice(0, query.limit),
    total: places.length,
  };
}

const recent = (place: PlaceActivityJson) => place.fork_rate + place.exec_rate + place.exit_rate;
const total = (place: PlaceActivityJson) => place.forks + place.execs + place.exits;
