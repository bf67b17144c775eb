// Families with thousands of series, written as Prometheus text at once, and the same as OpenMetrics.
//
// prom-client keeps an object per series and takes 20 to 120 ms for those of 500 workloads (docs/adr/0018-metrics.md);
// nothing is kept here between two scrapes, so text is all that is needed.

/** Text of a set of labels, between the braces. Values may hold anything (exposition format 0.0.4). */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(
      ([name, value]) =>
        `${name}="${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`,
    )
    .join(',');
}

export interface Family {
  /** Without the prefix `cognitod_`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Texts of `labelText`, and values. Of a counter also an exemplar, which only OpenMetrics has room for. */
  readonly series: Iterable<readonly [labels: string, value: number, exemplar?: Exemplar | undefined]>;
}

/** An example of what was counted. */
export interface Exemplar {
  /** Names and values together at most 128 characters. */
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly time: number;
}

export type MetricsFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** As Prometheus text, but for exemplars, which are there only with that format. */
export function familyText({ name, type, help, series }: Family, format: MetricsFormat): string {
  let text = `# HELP cognitod_${name} ${help}\n# TYPE cognitod_${name} ${type}\n`;
  for (const [labels, value, exemplar] of series) {
    text += `cognitod_${name}${labels === '' ? '' : `{${labels}}`} ${value}`;
    if (exemplar !== undefined && format === 'openmetrics')
      text += ` # {${labelText(exemplar.labels)}} 1 ${exemplar.time}`;
    text += '\n';
  }
  return text;
}

/**
 * Prometheus text as OpenMetrics 1.0: a family of counters is called without the `_total` of its samples, there are no
 * empty lines, quotes in help texts are escaped, and the end is told (github.com/prometheus/OpenMetrics, specification).
 */
export function openMetricsText(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '');
  const changed = lines.map((line) => {
    if (!line.startsWith('# ')) return line;
    const head = line.replace(/^(# (?:HELP|TYPE) \w+?)_total /, '$1 ');
    return head.startsWith('# HELP') ? head.replaceAll('"', '\\"') : head;
  });
  return `${changed.join('\n')}\n# EOF\n`;
}
