// Which page is shown, and its filters: in the fragment of the address, so that it can be shared and the agent never sees it.
import { signal } from '@preact/signals';

export const PAGES = ['now', 'processes', 'events', 'node'] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  readonly page: Page;
  /** A process id behind the page, e.g. `#/processes/…`. */
  readonly id: string | null;
  readonly query: Readonly<Record<string, string>>;
}

/** Anything that is no address of ours is the first page. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name, id] = path.split('/', 2);
  const page = PAGES.find((one) => one === name) ?? 'now';
  return { page, id: id ? decode(id) : null, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function formatRoute({ page, id, query }: Partial<Route> & { page: Page }): string {
  const search = new URLSearchParams(query).toString();
  const path = id ? `/${encodeURIComponent(id)}` : '';
  return `#/${page}${path}${search === '' ? '' : `?${search}`}`;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export const route = signal<Route>(parseRoute(globalThis.location?.hash ?? ''));

export function watchRoute(): void {
  window.addEventListener('hashchange', () => {
    route.value = parseRoute(location.hash);
  });
}

export function go(to: Partial<Route> & { page: Page }): void {
  location.hash = formatRoute(to);
}

/** Sets or removes filters of this page without a new entry in the history: typing is no navigation. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const { page, id, query } = route.value;
  const next = { ...query };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') delete next[name];
    else next[name] = value;
  }
  history.replaceState(null, '', formatRoute({ page, id, query: next }));
  route.value = { page, id, query: next };
}
