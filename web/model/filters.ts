// The filters of events and processes: what may be in the address of a page, and what the agent is asked.

export interface FilterField {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
}

/** All of `GET /api/v1/events` and `/processes/live` but the type of events, which is chosen. */
export const FILTER_FIELDS: readonly FilterField[] = [
  { name: 'namespace', label: 'Namespace', hint: 'payments' },
  { name: 'workload', label: 'Workload', hint: 'Deployment/api' },
  { name: 'pod', label: 'Pod', hint: 'payments/api-7f9' },
  { name: 'container', label: 'Container', hint: 'main' },
  { name: 'comm', label: 'Name', hint: 'nginx' },
  { name: 'executable', label: 'Executable', hint: '/usr/bin/curl' },
  { name: 'uid', label: 'User id', hint: '1000' },
  { name: 'pid', label: 'Process id', hint: '4211' },
];

export const EVENT_TYPES = ['fork', 'exec', 'exit'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What of an address is for the agent. A name that is no filter is left out: it refuses what it does not know. */
export function eventFiltersOf(query: Readonly<Record<string, string>>): Record<string, string> {
  return pick(query, ['type', ...FILTER_FIELDS.map(({ name }) => name)]);
}

/** The same for processes, which have no type. */
export function processFiltersOf(query: Readonly<Record<string, string>>): Record<string, string> {
  return pick(
    query,
    FILTER_FIELDS.map(({ name }) => name),
  );
}

function pick(query: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).filter(([name, value]) => names.includes(name) && value !== ''),
  );
}

/** The types that are shown; all when none or nothing valid is named. */
export function typesOf(query: Readonly<Record<string, string>>): ReadonlySet<EventType> {
  const named = (query.type ?? '').split(',');
  const types = EVENT_TYPES.filter((type) => named.includes(type));
  return new Set(types.length === 0 ? EVENT_TYPES : types);
}

/** Null for all: then it is in no address. */
export function typeQuery(types: ReadonlySet<EventType>): string | null {
  if (types.size === 0 || types.size === EVENT_TYPES.length) return null;
  return EVENT_TYPES.filter((type) => types.has(type)).join(',');
}
