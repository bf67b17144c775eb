// The dashboards of deploy/grafana, and their queries as Grafana fills them in.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly path: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[];
  };
}

export const dashboards: readonly Dashboard[] = globSync('deploy/grafana/*.json', { cwd: ROOT }).map(
  (path) => ({
    path,
    ...JSON.parse(readFileSync(join(ROOT, path), 'utf8')),
  }),
);

export const panelQueries = dashboards.flatMap(({ panels }) =>
  panels.flatMap(({ title, targets }) => (targets ?? []).map(({ expr }) => ({ title, expr }))),
);

/** With all nodes and namespaces chosen, as `allValue` says, and the window that Grafana takes for this scrape interval. */
export const filled = (expr: string, rateInterval = '5m'): string =>
  expr.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(node|namespace)\b/g, '.*');
