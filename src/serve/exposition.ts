// Families with thousands of series, written as Prometheus text at once.
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
  /** Texts of `labelText`, and values. */
  readonly series: Iterable<readonly [labels: string, value: number]>;
}

export function familyText({ name, type, help, series }: Family): string {
  let text = `# HELP cognitod_${name} ${help}\n# TYPE cognitod_${name} ${type}\n`;
  for (const [labels, value] of series)
    text += `cognitod_${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`;
  return text;
}
