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

/** As `counter`, for values that are corrected now and then: a series stays at its highest until the value is above that. */
export function risingCounter(...metric: Parameters<typeof counter>): SetSeries {
  const set = counter(...metric);
  const highest = new Map<string, number>();
  return (...series) =>
    set(
      ...series.map(([value, labels = {}]): [number, Labels] => {
        const key = JSON.stringify(labels);
        const risen = Math.max(value, highest.get(key) ?? 0);
        highest.set(key, risen);
        return [risen, labels];
      }),
    );
}

export function gauge(registry: Registry, name: string, help: string, labelNames: string[] = []): SetSeries {
  const metric = new Gauge({ name: `cognitod_${name}`, help, labelNames, registers: [registry] });
  return (...series) => {
    metric.reset();
    if (series.length === 0) metric.remove({});
    for (const [value, labels] of series) metric.set(labels ?? {}, value);
  };
}
