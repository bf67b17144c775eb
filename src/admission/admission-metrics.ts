// What the webhook counts, for Prometheus.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Result } from './decision.ts';

/** The API server waits two seconds; the target is 20 ms for 99 of 100. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 2, 5];

export interface AdmissionState {
  /** Seconds since 1970; null without a certificate. */
  readonly certificateNotAfterSeconds: number | null;
  readonly namespaces: number;
  readonly namespacesFollowed: boolean;
  readonly native: boolean;
}

export interface AdmissionMetrics {
  text(): Promise<string>;
  reviewed(result: Result | 'failed', dryRun: boolean): void;
  /** A request that was answered with another status than 200. */
  refused(status: number): void;
  took(seconds: number): void;
}

export function createAdmissionMetrics(state: () => AdmissionState): AdmissionMetrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const reviews = new Counter({
    name: 'cognitod_admission_reviews_total',
    help: 'Pods that were reviewed, by what became of them.',
    labelNames: ['result', 'dry_run'],
    registers,
  });
  const refused = new Counter({
    name: 'cognitod_admission_refused_requests_total',
    help: 'Requests that were no reviews, by the status of the answer.',
    labelNames: ['status'],
    registers,
  });
  const duration = new Histogram({
    name: 'cognitod_admission_review_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    buckets: BUCKETS,
    registers,
  });
  const gauge = (name: string, help: string, value: (state: AdmissionState) => number) =>
    new Gauge({
      name: `cognitod_admission_${name}`,
      help,
      registers,
      collect() {
        this.set(value(state()));
      },
    });
  gauge(
    'certificate_expiry_timestamp_seconds',
    'When the serving certificate is over, in seconds since 1970; 0 without one.',
    ({ certificateNotAfterSeconds }) => certificateNotAfterSeconds ?? 0,
  );
  gauge('namespaces', 'Namespaces that are known.', ({ namespaces }) => namespaces);
  gauge('namespaces_followed', 'Whether changes of namespaces are seen.', ({ namespacesFollowed }) =>
    namespacesFollowed ? 1 : 0,
  );
  gauge('native_sidecars', 'Whether sidecars are restartable init containers.', ({ native }) =>
    native ? 1 : 0,
  );
  return {
    text: () => registry.metrics(),
    reviewed: (result, dryRun) => reviews.inc({ result, dry_run: String(dryRun) }),
    refused: (status) => refused.inc({ status }),
    took: (seconds) => duration.observe(seconds),
  };
}
