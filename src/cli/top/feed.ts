// Asks the agent for what the screen shows, again and again; an agent that is away is asked until it is back.
import { type ActivityJson, type ProcessJson, routes, type StatusJson } from '../../api/index.ts';
import type { ApiClient, Query } from '../client.ts';

/** What to ask for beside the status. */
export interface Wanted {
  readonly view: 'pods' | 'processes';
  readonly sort: 'cpu' | 'memory' | 'newest' | 'start';
  /** Only processes with this text; empty for all. */
  readonly text: string;
  readonly filters: Query;
}

/** One look at the node. */
export interface Look {
  readonly status: StatusJson;
  readonly activity: ActivityJson;
  /** Of the processes view; empty in the other. */
  readonly processes: readonly ProcessJson[];
  /** How many processes there are; more than `processes` when there are too many to show. */
  readonly total: number;
  /** The text that these processes were asked for with. */
  readonly text: string;
}

const LIMIT = 1000;

/** @throws CognitodError as the client does */
export async function look(client: ApiClient, { view, sort, text, filters }: Wanted): Promise<Look> {
  const { pod, namespace, workload, container } = filters;
  const place = { pod, namespace, workload, container };
  const asked = { sort, text: text === '' ? undefined : text };
  const [status, activity, page] = await Promise.all([
    client.get(routes.status),
    client.get(routes.activity, { query: { ...place, limit: view === 'pods' ? LIMIT : 1 } }),
    view === 'processes'
      ? client.get(routes.processes, { query: { ...filters, ...asked, usage: 'true', limit: LIMIT } })
      : null,
  ]);
  return { status, activity, processes: page?.processes ?? [], total: page?.total ?? 0, text };
}
