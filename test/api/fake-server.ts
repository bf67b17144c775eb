// The real API server before a made-up agent, for tests of all its routes at once.
import type { TestContext } from 'node:test';
import type { EvidenceJson } from '../../src/api/index.ts';
import { type ApiServerOptions, createApiServer } from '../../src/serve/api-server.ts';
import {
  apply,
  exec,
  exit,
  FakeAgent,
  fork,
  hostIdentity,
  podIdentity,
  sampleStatus,
  streamSettings,
} from '../../src/serve/fake-agent.fixture.ts';

export interface FakeServer {
  readonly base: string;
  readonly port: number;
  readonly agent: FakeAgent;
  /** A process with a parent, a child and several images. */
  readonly pid: number;
  /** What the log was told: every answer with status 500. */
  readonly failures: unknown[];
  /** Publishes a fork, an exec and an exit. */
  stir(): void;
}

export async function fakeServer(
  t: TestContext,
  options: Partial<ApiServerOptions> = {},
): Promise<FakeServer> {
  const agent = new FakeAgent();
  agent.evidence = () => evidence;
  const { model } = agent;
  const identity = podIdentity('1399d9c7-c86f-4371-8568-07b3d32258a4', 'e1'.padEnd(64, '0'));
  const parent = model.add({ identity });
  const middle = model.addChild(parent, { identity });
  model.addChild(middle);
  model.end(model.addChild(middle));
  model.add({ identity: hostIdentity, kernelThread: true });
  const failures: unknown[] = [];
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: agent,
    log: { error: (_message, fields) => failures.push(fields) },
    streams: streamSettings,
    ...options,
  });
  t.after(() => server.close());
  const { url, port } = await server.listen();
  const stir = () => agent.bus.publish([apply(fork()), apply(exec(), 2), apply(exit(), 3)]);
  return { base: url, port, agent, pid: middle.pid, failures, stir };
}

const content: EvidenceJson['current'] = {
  schema_version: 1,
  reason: 'start',
  from: '2026-11-23T00:00:00Z',
  to: '2026-11-23T01:00:00Z',
  node: 'node-a',
  boot_id: 'b',
  version: '0.1.0',
  agent_pid: 1,
  collector: 'ebpf',
  collector_reason: 'the kernel has BTF',
  programs: [],
  privileges: sampleStatus.privileges,
  configuration: { sha256: 'a'.repeat(64), values: { collector: 'auto', api: { token: null } } },
  coverage: {
    fork: { happened: 1, seen: 1, lost: 0, skipped: 0 },
    exec: { happened: 2, seen: 1, lost: 0, skipped: 1 },
    exit: { happened: 1, seen: 1, lost: 0, skipped: 0 },
    move: { happened: 1, seen: 1, lost: 0, skipped: 0 },
  },
  containers: { events: 0, attributed: 0 },
  gaps: [{ from: '2026-11-23T00:00:00Z', to: '2026-11-23T00:00:01Z', reason: 'skipped', events: 1 }],
  access: [{ who: 'local', method: 'GET', route: '/healthz', status: 200, count: 1 }],
  access_overflow: 0,
  cluster: { state: 'not-read', reasons: ['nobody asked'], rights: [], objects: [] },
  egress: [],
  connections: [],
  connections_overflow: 0,
  insights: [],
  problems: [],
};

const evidence: EvidenceJson = {
  schema_version: 1,
  kept_in: null,
  head: { sequence: 1, hash: 'b'.repeat(64) },
  records: [{ ...content, sequence: 1, previous_hash: '0'.repeat(64), hash: 'b'.repeat(64) }],
  current: content,
};
