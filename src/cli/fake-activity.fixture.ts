// Activity made by hand, for the tests of this folder.
import type { ActivityJson, PlaceActivityJson } from '../api/index.ts';

const counts = {
  forks: 10,
  execs: 9,
  exits: 8,
  failed_exits: 2,
  killed_exits: 1,
  short_lived: 7,
  fork_rate: 0.5,
  exec_rate: 0.4,
  exit_rate: 0.3,
};

export const samplePlace = (changes: Partial<PlaceActivityJson> = {}): PlaceActivityJson => ({
  place: 'pod',
  namespace: 'payments',
  pod_name: 'api-7f9',
  pod_uid: '1399d9c7-c86f-4371-8568-07b3d32258a4',
  workload_kind: 'Deployment',
  workload_name: 'api',
  unit: null,
  containers: [{ container_id: '4f5e6d7c8b9a'.padEnd(64, '0'), container_name: 'api' }],
  running: 3,
  ...counts,
  usage: { cpu_seconds: 12, cpu_percent: 34.5, rss_bytes: 50 * 1024 * 1024 },
  ...changes,
});

export const sampleActivity = (changes: Partial<ActivityJson> = {}): ActivityJson => ({
  schema_version: 1,
  time: '2026-11-23T08:00:00.000Z',
  node: { running: 100, ...counts },
  history: { from: 1_795_000_000, forks: [1, 2], execs: [1, 1], exits: [0, 2] },
  places: [samplePlace()],
  total: 1,
  ...changes,
});
