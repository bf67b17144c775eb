// A fake agent for the tests of this folder: a process table and events made by hand, no kernel.
import { NOTHING_HELD } from '../api/privileges.fixture.ts';
import type {
  ConfigurationJson,
  DoctorJson,
  EvidenceJson,
  LastSelfTestJson,
  ReadyJson,
  SelfTestJson,
  StatusJson,
} from '../api/index.ts';
import type { NodeReading, Usage } from '../collect/index.ts';
import type { ExecEvent, ExitEvent, ForkEvent } from '../decode/index.ts';
import type { Identity, Metadata } from '../identity/index.ts';
import {
  PlaceActivity,
  type AppliedEvent,
  EventBus,
  formatProcessId,
  type Image,
  type ModelView,
  type Process,
  parseProcessId,
  WorkloadCounters,
} from '../model/index.ts';
import type { AgentView } from './agent-view.ts';
import type { MetricsSource } from './metrics/metrics.ts';
import type { StreamSettings } from './api-server.ts';
import type { StreamStats } from './streams/event-streams.ts';

export const BOOT_ID = '0a1b2c3d-1111-2222-3333-444455556666';
export const START_NS = 5_000_000_000n;

export const hostIdentity: Identity = {
  containerId: null,
  podUid: null,
  runtime: null,
  qos: null,
  unit: 'ssh.service',
  tags: [],
  cgroupPath: '/system.slice/ssh.service',
  provenance: 'not-a-container',
};

export function podIdentity(podUid: string, containerId: string): Identity {
  return {
    containerId,
    podUid,
    runtime: 'containerd',
    qos: 'burstable',
    unit: null,
    tags: [`k8s_pod:${podUid}`, `container:${containerId.slice(0, 12)}`, 'cgroup:kubepods-burstable'],
    cgroupPath: `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podUid.replaceAll('-', '_')}.slice/cri-containerd-${containerId}.scope`,
    provenance: 'kernel-cgroup',
  };
}

export const shell: Image = {
  comm: 'bash',
  executable: '/usr/bin/bash',
  argv: ['bash', '-c', 'make -j8 all'],
  argvTruncated: false,
  sinceKtimeNs: 4_000_000_000n,
  source: 'ebpf',
};

const facts = {
  source: 'ebpf',
  ktimeNs: 6_000_000_123n,
  pid: 4321,
  startNs: START_NS,
  parentPid: 1200,
  parentStartNs: 1_000_000_000n,
  uid: 1000,
  gid: 1000,
  euid: 1000,
  loginuid: 1000,
  sessionId: 3,
  capEffective: 0,
  execId: null,
  pidNs: 4026531836,
  mntNs: 4026531841,
  cgroupNs: 4026531835,
  nsPid: 4321,
  cgroupId: 8123,
  cgroupV1Id: 0,
  comm: 'bash',
  kernelThread: false,
} as const;

export function fork(changes: Partial<ForkEvent> = {}): ForkEvent {
  return { ...facts, type: 'fork', forkerPid: 1200, forkerStartNs: 1_000_000_000n, ...changes };
}

export function exec(changes: Partial<ExecEvent> = {}): ExecEvent {
  return {
    ...facts,
    type: 'exec',
    executable: '/usr/bin/make',
    argv: ['make', '-j8', 'all', '--output-sync=target', 'PREFIX=/usr/local'],
    argc: 5,
    argvTruncated: false,
    argvUnreadable: false,
    argvMasked: 0,
    inode: 131_842,
    device: (8 << 20) | 1,
    memfd: false,
    deleted: false,
    upperLayer: null,
    interpreter: null,
    fileName: null,
    callerTid: 0,
    ...changes,
  };
}

export function exit(changes: Partial<ExitEvent> = {}): ExitEvent {
  return {
    ...facts,
    type: 'exit',
    exitCode: 0,
    exitSignal: null,
    coreDumped: false,
    cpuNs: 1_234_567,
    maxRssBytes: 3_145_728,
    minorFaults: 200,
    majorFaults: 1,
    ...changes,
  };
}

/** What the model would make of an event. */
export function apply(
  event: AppliedEvent['event'],
  seq = 1,
  { identity = hostIdentity, execSeq = 1 }: { identity?: Identity; execSeq?: number } = {},
): AppliedEvent {
  const image: Image =
    event.type === 'exec'
      ? {
          comm: event.comm,
          executable: event.executable,
          argv: event.argvUnreadable ? null : event.argv,
          argvTruncated: event.argvTruncated,
          sinceKtimeNs: event.ktimeNs,
          source: event.source,
        }
      : shell;
  return { seq, event, identity, process: null, image, execSeq, metadata: null };
}

/** Limits of streams for tests. */
export const streamSettings: StreamSettings = {
  maxClients: 64,
  queueBytes: 1 << 20,
  totalQueueBytes: 1 << 30,
  replayEvents: 1000,
  replayBytes: 1 << 20,
  heartbeatSeconds: 15,
};

export const noStreams: StreamStats = {
  clients: 0,
  queuedBytes: 0,
  sent: 0,
  lost: 0,
  expired: 0,
  replayEvents: 0,
  replayBytes: 0,
};

/** A process table that tests fill and change as they like. */
export class FakeModel implements ModelView {
  readonly bootId = BOOT_ID;
  readonly live: Process[] = [];
  readonly gone: Process[] = [];
  readonly containerCount = 0;
  readonly estimatedBytes = 4096;
  #serial = 0;
  #second = -1n;
  #prefix = '';

  get runningCount(): number {
    return this.live.length;
  }

  get exitedCount(): number {
    return this.gone.length;
  }

  /** Adds a running process. */
  add(changes: Partial<Process> = {}): Process {
    const serial = ++this.#serial;
    const process: Process = {
      serial,
      pid: 1000 + serial,
      startNs: START_NS + BigInt(serial),
      kernelThread: false,
      nsPid: 1000 + serial,
      pidNs: 4026531836,
      birth: 'fork',
      state: 'running',
      parentPid: 0,
      parentStartNs: 0n,
      uid: 0,
      gid: 0,
      euid: 0,
      capEffective: '000001ffffffffff',
      execId: null,
      identity: hostIdentity,
      image: shell,
      earlierImages: null,
      execSeq: 0,
      children: null,
      exitKtimeNs: null,
      exit: null,
      bytes: 0,
      ...changes,
    };
    this.live.push(process);
    return process;
  }

  addChild(parent: Process, changes: Partial<Process> = {}): Process {
    const child = this.add({ parentPid: parent.pid, parentStartNs: parent.startNs, ...changes });
    parent.children ??= new Set();
    parent.children.add(child);
    return child;
  }

  end(process: Process): void {
    this.live.splice(this.live.indexOf(process), 1);
    this.gone.push(process);
    process.state = 'exited';
    process.exitKtimeNs = process.startNs + 1_000_000_000n;
    const { exitCode, exitSignal, coreDumped, cpuNs, maxRssBytes, minorFaults, majorFaults } = exit();
    process.exit = { exitCode, exitSignal, coreDumped, cpuNs, maxRssBytes, minorFaults, majorFaults };
    this.parentOf(process)?.children?.delete(process);
  }

  byPid(pid: number): Process | undefined {
    return this.live.find((process) => process.pid === pid);
  }

  byProcessId(id: string): Process | undefined {
    const key = parseProcessId(this.bootId, id);
    return key === null ? undefined : this.#byIdentity(key.pid, key.startNs);
  }

  running(): IterableIterator<Process> {
    return this.live.values();
  }

  exited(): IterableIterator<Process> {
    return this.gone.values();
  }

  parentOf(process: Process): Process | undefined {
    return this.#byIdentity(process.parentPid, process.parentStartNs);
  }

  /** By identity, for tests that give names. */
  readonly metadata = new Map<Identity, Metadata>();

  metadataOf(process: Pick<Process, 'identity'>): Metadata | null {
    return this.metadata.get(process.identity) ?? null;
  }

  processIdOf(process: Process): string {
    return formatProcessId(this.bootId, process.pid, process.startNs);
  }

  ktimeOf(realtimeNs: bigint): bigint {
    return realtimeNs - 1_700_000_000_000_000_000n;
  }

  timeOf(ktimeNs: bigint): string {
    const ns = ktimeNs + 1_700_000_000_000_000_000n;
    const second = ns / 1_000_000_000n;
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(Number(second) * 1000).toISOString().slice(0, 20);
    }
    return `${this.#prefix}${(ns % 1_000_000_000n).toString().padStart(9, '0')}Z`;
  }

  #byIdentity(pid: number, startNs: bigint): Process | undefined {
    return [...this.live, ...this.gone].find((process) => process.pid === pid && process.startNs === startNs);
  }
}

const account = { kernel: 10, decoded: 8, lost: 1, skipped: 0, pending: 1 };

export const sampleStatus: StatusJson = {
  schema_version: 1,
  version: '0.1.0',
  node: 'node-a',
  boot_id: BOOT_ID,
  pid: 77,
  started_at: '2026-01-02T03:04:05.000000000Z',
  uptime_seconds: 12.5,
  time_namespace_offset_seconds: 0,
  clock_step_seconds: 0,
  ready: true,
  reasons: [],
  collector: {
    kind: 'ebpf',
    reason: 'the kernel allows it',
    hooks: ['sched_process_fork'],
    programs: [],
    ring_bytes: 8_388_608,
    ring_used_bytes: 4096,
    kernel: '6.12.0',
    btf: true,
    limits: [],
  },
  privileges: NOTHING_HELD,
  evidence: {
    kept_in: null,
    sequence: 3,
    head: 'e'.repeat(64),
    public_key: null,
    anchored: null,
    failed_writes: 1,
    losses: 2,
    problem: null,
  },
  tasks: [{ name: 'keeping evidence', failures: 4, failing: null, last_failure: 'too many open files' }],
  ledger: {
    fork: account,
    exec: { ...account, kernel: 20 },
    exit: account,
    move: account,
    cgroup: { decoded: 5, lost: 0 },
    containers: { seen: 7, attributed: 6, unknown_cgroup: 2, claimed: 3 },
    healed: { exit_unseen: 3, fork_unseen: 4, reopened: 5 },
    dropped: { exited: 1, live: 0, images: 2 },
  },
  decode_errors: { bad_length: 1 },
  processes: {
    running: 100,
    exited: 20,
    containers: 3,
    cgroups: 9,
    cgroups_claimed: 10,
    cgroups_truncated: 11,
  },
  metadata: {
    sources: [
      {
        name: 'kube-api',
        endpoint: 'https://10.96.0.1:443',
        state: 'unreachable',
        reason: 'connection refused',
        objects: 12,
        requests: 5,
        failures: 3,
        last_success: null,
      },
    ],
    pods: 12,
    containers: 20,
    gone: 2,
    unnamed: 1,
    contradicted: 12,
    inferred: 9,
    inferred_confirmed: 7,
    inferred_refuted: 1,
    held: 40,
    released_unnamed: 3,
    overflowed: 1,
    waiting: 0,
  },
  clients: 0,
  memory: { rss_bytes: 90_000_000, model_bytes: 1_000_000 },
};

export const sampleSelfTest: SelfTestJson = {
  schema_version: 1,
  time: '2026-01-02T03:04:05.000Z',
  ok: true,
  seen: { fork: true, exec: true, exit: true },
  delay_ms: 12.3,
  place: {
    kind: 'host',
    namespace: null,
    pod_name: null,
    pod_uid: null,
    container_name: null,
    container_id: null,
    unit: 'cognitod.service',
    provenance: 'not-a-container',
  },
  own_place: true,
  reason: 'fork, exec and exit of a process of its own were told, the exec after 12.3 ms',
};

/** What metrics are made of. */
export const metricsSource = (agent = new FakeAgent()): MetricsSource => ({
  status: () => sampleStatus,
  streams: () => noStreams,
  liveProcesses: () => ({ ...noStreams, logBytes: 0 }),
  tls: () => null,
  connectionsCut: () => ({ api: 5, ops: 6 }),
  activity: agent,
  workloads: new WorkloadCounters({ maxWorkloads: 100, maxUnits: 100, nowMs: () => 0 }),
  readUsage: true,
});

export class FakeAgent implements AgentView {
  readonly model = new FakeModel();
  readonly bus = new EventBus();
  nowMs = 1_000_000;
  readonly activity = new PlaceActivity({ live: this.model, maxPlaces: 100, nowMs: () => this.nowMs });
  readonly node = {
    read: (): NodeReading => ({
      cpuPercent: 12.345,
      memoryTotalBytes: 8_000_000,
      memoryUsedBytes: 2_000_000,
      loadAverage: [0.5, 1, 2],
      diskReadBytes: 512,
      diskWriteBytes: 1024,
      netReceivedBytes: 10,
      netSentBytes: 20,
      pressure: { cpu: { some: 1.5, full: 0 }, memory: null, io: { some: 3, full: 2 } },
    }),
  };
  /** By pid. */
  readonly usages = new Map<number, Usage>();
  readonly usage = {
    refresh: async () => {},
    of: ({ pid }: Process): Usage | null => this.usages.get(pid) ?? null,
  };
  ready: ReadyJson = { ready: true, reasons: [] };

  status(): StatusJson {
    return { ...sampleStatus, ...this.ready };
  }

  evidence(): EvidenceJson {
    throw new Error('this agent has no evidence');
  }

  async doctor(): Promise<DoctorJson> {
    return { schema_version: 1, time: '2026-01-02T03:04:05.000Z', ok: true, failed: 0, checks: [] };
  }

  selfTests = 0;

  async selfTest(): Promise<SelfTestJson> {
    this.selfTests++;
    return sampleSelfTest;
  }

  lastSelfTest(): LastSelfTestJson {
    return { schema_version: 1, last: this.selfTests === 0 ? null : sampleSelfTest };
  }

  configuration(): ConfigurationJson {
    return { schema_version: 1, sha256: 'c'.repeat(64), keys: [] };
  }

  readiness(): ReadyJson {
    return this.ready;
  }
}
