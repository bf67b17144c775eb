// A process with both listeners before 10,000 live processes of 500 workloads that have all kinds of exits behind them.
// Prints the addresses.
import type { ProcessEvent } from '../src/decode/index.ts';
import type { Metadata } from '../src/identity/index.ts';
import { PlaceActivity, type ModelView, WorkloadCounters } from '../src/model/index.ts';
import { createOpsServer } from '../src/http/index.ts';
import { type AgentView, createApiServer, createMetrics } from '../src/serve/index.ts';
import { metricsSource, streamSettings } from '../src/serve/fake-agent.fixture.ts';
import { CGROUPS, makeWay } from './identity.ts';
import { makeLives } from './records.ts';

const WORKLOADS = 500;
const nowMs = () => performance.now();

const { table, bus, run } = makeWay(true);
run(makeLives(10_000, 1_000_000, 10n ** 15n, false, CGROUPS));

// The pods of the table are of 20 workloads: here each is its own.
const names = new Map<string, Metadata>();
const model: ModelView = Object.create(table, {
  metadataOf: {
    value: ({ identity }: Parameters<ModelView['metadataOf']>[0]) => {
      const metadata = table.metadataOf({ identity });
      if (metadata === null || identity.podUid === null) return metadata;
      const known = names.get(identity.podUid);
      if (known !== undefined) return known;
      const own = {
        ...metadata,
        workload: { kind: 'Deployment', name: `checkout-${identity.podUid.slice(-4)}` },
      };
      names.set(identity.podUid, own as Metadata);
      return own;
    },
  },
  runningCount: { get: () => table.runningCount },
  running: { value: () => table.running() },
  byProcessId: { value: (id: string) => table.byProcessId(id) },
  processIdOf: { value: (process: never) => table.processIdOf(process) },
  bootId: { value: table.bootId },
  timeOf: { value: (at: bigint) => table.timeOf(at) },
});
const activity = new PlaceActivity({ live: table, maxPlaces: 2000, nowMs });
const exit = (exitCode: number | null, exitSignal: number | null) =>
  ({
    type: 'exit',
    pid: 4711,
    kernelThread: false,
    startNs: 83_143_946_205_995n,
    ktimeNs: 83_143_949_205_995n,
    exitCode,
    exitSignal,
    cpuNs: 5e6,
  }) as ProcessEvent;
const happened = [
  { type: 'fork', kernelThread: false } as ProcessEvent,
  { type: 'exec', kernelThread: false } as ProcessEvent,
  ...[exit(0, null), exit(1, null), exit(137, null), exit(77, null), exit(null, 9), exit(null, 15)],
];
for (const { identity } of table.running()) for (const event of happened) activity.note(event, identity);
const usage = { cpuNs: 1e9, rssBytes: 8 << 20, cpuPercent: 0.1 };
const view = { model, bus, activity, usage: { refresh: async () => {}, of: () => usage } };
const metrics = createMetrics({
  ...metricsSource(),
  activity: view,
  workloads: new WorkloadCounters({ maxWorkloads: WORKLOADS + 10, maxUnits: 10, nowMs }),
});
const listen = { host: '127.0.0.1', port: 0 };
const ops = createOpsServer({
  listen,
  view: { readiness: () => ({ ready: true, reasons: [] }) },
  metrics,
  log: console,
});
const api = createApiServer({
  listen,
  tokens: null,
  view: view as unknown as AgentView,
  log: console,
  streams: streamSettings,
});
console.log(JSON.stringify({ ops: (await ops.listen()).url, api: (await api.listen()).url }));
process.stdin.resume();
