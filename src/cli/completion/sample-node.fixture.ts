// For the tests of completion: a small node with pods, and processes with names that shells must not believe.
import type { PlaceActivityJson, ProcessJson } from '../../api/index.ts';
import { sampleActivity, samplePlace } from '../fake-activity.fixture.ts';
import { documents, sampleProcess } from '../fake-agent.fixture.ts';

const pod = (namespace: string, name: string, workload: string, id: string): PlaceActivityJson =>
  samplePlace({
    namespace,
    pod_name: name,
    pod_uid: `${id.slice(0, 8)}-c86f-4371-8568-07b3d32258a4`,
    workload_name: workload,
    containers: [{ container_id: id.padEnd(64, '0'), container_name: `${workload}-c` }],
    running: 1,
  });

const places = [
  pod('payments', 'api-7f9', 'api', '4f5e6d7c8b9a'),
  pod('payments', 'worker-1', 'worker', '5f5e6d7c8b9a'),
  pod('shop', 'api-2c4', 'api', '6f5e6d7c8b9a'),
  { ...pod('shop', '$(touch evil)', '`touch evil`', '7f5e6d7c8b9a'), running: 2 },
];

const processes: readonly ProcessJson[] = [
  sampleProcess({ pid: 4211 }),
  sampleProcess({ pid: 4212, comm: '$(touch evil)', argv: ['$(touch evil)', '\x1b[2J`touch evil`\nmore'] }),
  sampleProcess({ pid: 977, comm: 'kswapd0', argv: null, kernel_thread: true }),
  sampleProcess({ pid: 31, comm: 'a\tb\n\x1b[2J', argv: null }),
];

/** What an agent of this node answers. */
export const sampleNode = documents({
  '/api/v1/activity': sampleActivity({ places, total: places.length }),
  '/api/v1/processes': { schema_version: 1, processes, total: processes.length, next_cursor: null },
});
