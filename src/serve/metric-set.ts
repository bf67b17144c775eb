// Metrics whose values are kept elsewhere and taken over at a scrape.
import { Counter, Gauge, type Registry } from 'prom-client';

/** Names and values. */
export type Labels = Record<string, string>;
/** Sets all series of a metric; those that are not given end. */
export type SetSeries = (...series: [value: number, labels?: Labels][]) => void;

/** Counters count elsewhere: here they only take over a value that never falls. */
export function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[] = [],
): SetSeries {
  const metric = new Counter({ name: `cognitod_${name}`, help, labelNames, registers: [registry] });
  return (...series) => {
    metric.reset();
    for (const [value, labels] of series) metric.inc(labels ?? {}, value);
  };
}

export function gauge(registry: Registry, name: string, help: string, labelNames: string[] = []): SetSeries {
  const metric = new Gauge({ name: `cognitod_${name}`, help, labelNames, registers: [registry] });
  return (...series) => {
    metric.reset();
    if (series.length === 0) metric.remove({});
    for (const [value, labels] of series) metric.set(labels ?? {}, value);
  };
}
