// The running agent: collector, pipeline, listeners, and what it reports about itself.
import { release } from 'node:os';
import {
  type ConfigurationJson,
  type DoctorJson,
  type EvidenceJson,
  type EvidenceQuery,
  type LastSelfTestJson,
  type LedgerJson,
  type ReadyJson,
  SCHEMA_VERSION,
  type SelfTestJson,
  type StatusJson,
} from '../api/index.ts';
import { NodeReader, ownPidNamespace, UsageReader } from '../collect/index.ts';
import { type ArgvMasker, budgetFor, createMasker, type EventBase } from '../decode/index.ts';
import {
  CgroupRegistry,
  createProcReader,
  hasOwnCgroupNamespace,
  type Identity,
  MetadataStore,
  NameSearch,
} from '../identity/index.ts';
import { ConnectionBook } from '../evidence/index.ts';
import { boottimeNs, boottimeOffsetNs, realtimeNs, releaseStartupCode } from '../os/index.ts';
import {
  type Closable,
  closeAll,
  type Config,
  type LoadedConfig,
  type Log,
  openTokens,
  readPrivileges,
  startOwnProcess,
  Tasks,
  VERSION,
} from '../lib/index.ts';
import { ActivityBook, EventBus, LateBinding, ProcessTable, WorkloadBook } from '../model/index.ts';
import {
  type AgentView,
  type ApiServer,
  createApiServer,
  createMetrics,
  type Metrics,
} from '../serve/index.ts';
import { createOpsServer, type OpsServer } from '../http/index.ts';
import { enrichSnapshot } from './enrich.ts';
import { AgentDoctor } from './agent-doctor.ts';
import { apiListeners } from './api-listeners.ts';
import { AgentEvidence, type RunningSnapshot } from './agent-evidence.ts';
import { readBootId } from './boot-id.ts';
import { ClockWatch } from './clock-watch.ts';
import { configurationJson } from './configuration-json.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { Healer } from './healer.ts';
import { type OpenedCollector, openCollector } from './open-collector.ts';
import { openMetadataSources } from './open-metadata-sources.ts';
import { openOwnPod } from './open-own-pod.ts';
import { Pipeline } from './pipeline.ts';
import { metadataJson, programJson, taskJson } from './status-parts.ts';
import { privilegesJson } from './privileges-json.ts';
import { AgentSelfTest, selfTestLifeMs } from './self-test.ts';
import { composeLedger } from './compose-ledger.ts';
import type { PrivilegedStart } from '../start/index.ts';

/** What the foreground command tells after the start. */
export interface StartReport {
  readonly kernel: string;
  readonly collector: string;
  readonly reason: string;
  readonly hooks: readonly string[];
  readonly ringBytes: number | null;
  /** Every process of the node is seen, however short its life. */
  readonly nodeWide: boolean;
  /** Capabilities that any thread holds now. */
  readonly capabilities: readonly string[];
  /** From the start of the process until privileges were given up; null when they were not. */
  readonly privilegedSeconds: number | null;
  readonly processes: number;
  readonly containers: number;
  readonly apiAddress: string;
  readonly opsAddress: string;
}

/** When everything that only a start needs has run. */
const SETTLED_MS = 3000;

/**
 * One agent. `start` either gives a running agent or throws a CognitodError with nothing left behind; `close`
 * detaches everything.
 */
export class Agent implements AgentView, Closable {
  readonly model: ProcessTable;
  readonly bus = new EventBus();
  readonly activity: ActivityBook;
  readonly usage: UsageReader;
  readonly node: NodeReader;
  readonly #config: Config;
  readonly #log: Log;
  readonly #start: PrivilegedStart;
  readonly #mask: ArgvMasker;
  readonly #opened: OpenedCollector;
  readonly #registry: CgroupRegistry;
  readonly #metadata: MetadataStore;
  readonly #search: NameSearch;
  readonly #binding: LateBinding;
  readonly #healer: Healer;
  readonly #metrics: Metrics;
  readonly #evidence: AgentEvidence;
  readonly #cluster: ClusterWatch;
  readonly #connections = new ConnectionBook();
  readonly #configuration: ConfigurationJson;
  readonly #doctor: AgentDoctor;
  readonly #selfTest: AgentSelfTest;
  readonly #api: ApiServer;
  readonly #ops: OpsServer;
  readonly #tasks: Tasks;
  readonly #abort = new AbortController();
  readonly #startedAt = new Date();
  readonly #clock = new ClockWatch();
  #stopSettling = () => {};
  #closing: Promise<void> | undefined;

  private constructor(loaded: LoadedConfig, log: Log, start: PrivilegedStart) {
    const { config } = loaded;
    this.#connections.open();
    this.#configuration = configurationJson(loaded);
    this.#config = config;
    this.#doctor = new AgentDoctor(config, () => this.status());
    this.#log = log;
    this.#tasks = new Tasks(log);
    this.#start = start;
    this.#mask = createMasker(secretRules(config), budgetFor(config.kernel.argv_bytes));
    const onError = (error: unknown) => log.error(`a bug in the agent: ${describe(error)}`);
    this.#opened = openCollector(config, start.opened, this.#mask, onError);
    const warn = (text: string) => log.warn(text);
    const ownPod = openOwnPod(config, this.#opened.kind, warn);
    const ownPodSource = ownPod?.source(config.node_name) ?? null;
    this.#registry = new CgroupRegistry({
      readProcCgroup: createProcReader(config.proc_root, 'cgroup'),
      ownCgroupNamespace: hasOwnCgroupNamespace(config.proc_root),
      roots: config.kubernetes.cgroup_roots,
      ownPod,
    });
    this.#metadata = new MetadataStore({
      sources: [...openMetadataSources(config, warn), ...(ownPodSource === null ? [] : [ownPodSource])],
      nowMs: () => performance.now(),
      retentionMs: config.metadata.retention_seconds * 1000,
      maxGone: config.metadata.max_gone,
      nodeName: config.node_name,
    });
    this.#search = new NameSearch({
      names: this.#metadata,
      readMounts: createProcReader(config.proc_root, 'mountinfo'),
      nowMs: () => performance.now(),
      tasks: this.#tasks,
    });
    this.model = new ProcessTable({
      bootId: readBootId(config.proc_root),
      clocks: { boottimeNs, realtimeNs },
      retentionSeconds: config.model.retention_seconds,
      maxExited: config.model.max_exited,
      maxLive: config.model.max_live,
      memoryBytes: config.model.memory_bytes,
      metadata: this.#metadata,
    });
    const nowMs = () => performance.now();
    const { max_workloads: maxWorkloads, max_units: maxUnits } = config.metrics;
    const workloads = new WorkloadBook({ maxWorkloads, maxUnits, nowMs });
    this.activity = new ActivityBook({
      live: this.model,
      maxPlaces: config.model.max_places,
      nowMs,
      onRetire: (place) =>
        workloads.settle(place, place.identity === null ? null : this.#metadata.lookup(place.identity), 0),
    });
    this.node = new NodeReader(config.proc_root);
    this.usage = new UsageReader({ procRoot: config.proc_root, nowMs });
    const livesMs = selfTestLifeMs(this.#opened.kind, config.procfs.interval_ms);
    this.#selfTest = new AgentSelfTest({
      bus: this.bus,
      model: this.model,
      start: (marker) => startOwnProcess(marker, livesMs),
      pidNamespace: ownPidNamespace(config.proc_root),
      boottimeNs,
      nowMs,
    });
    this.#binding = new LateBinding({
      metadata: this.#metadata,
      holdMs: config.metadata.hold_ms,
      maxHeld: config.metadata.max_held,
      publish: (batch) => this.bus.publish(batch),
      tasks: this.#tasks,
    });
    this.#healer = new Healer({
      collector: this.#opened.collector,
      table: this.model,
      identify: (facts, known) =>
        known !== null && this.#knowsBetter(known, facts) ? known : this.#registry.resolve(facts),
      healSeconds: config.model.heal_seconds,
      ledger: () => this.ledger(),
      onLoss: (text) => log.warn(text),
      tasks: this.#tasks,
    });
    this.#metrics = createMetrics({
      status: () => this.status(),
      streams: () => this.#api.streams(),
      liveProcesses: () => this.#api.liveProcesses(),
      activity: this,
      workloads,
      readUsage: config.metrics.usage,
      tls: () => this.#api.tls(),
      connectionsCut: () => ({ api: this.#api.connectionsCut(), ops: this.#ops.connectionsCut() }),
    });
    this.#api = createApiServer({
      ...apiListeners(config, log),
      tokens: openTokens(config, warn),
      view: this,
      log,
      tasks: this.#tasks,
      logAccess: config.api.access_log ? (line) => log.info(line) : undefined,
      streams: {
        maxClients: config.stream.max_clients,
        queueBytes: config.stream.client_queue_bytes,
        totalQueueBytes: config.stream.total_queue_bytes,
        replayEvents: config.stream.replay_events,
        replayBytes: config.stream.replay_bytes,
        heartbeatSeconds: config.stream.heartbeat_seconds,
      },
    });
    this.#cluster = new ClusterWatch(config, this.#tasks);
    this.#evidence = new AgentEvidence(config, log, this.#tasks, () => this.#evidenceSnapshot());
    this.#ops = createOpsServer({ listen: config.ops.listen, view: this, metrics: this.#metrics, log });
  }

  /**
   * The kernel's word on a cgroup beats a list from /proc, which shows paths relative to the agent's own cgroup
   * namespace: a moved process has told of it.
   */
  #knowsBetter({ provenance }: Identity, { source }: EventBase): boolean {
    const certain = ['kernel-cgroup', 'not-a-container', 'claimed'].includes(provenance);
    return certain && source === 'procfs' && this.#opened.kind === 'ebpf';
  }

  /** `signal` aborts the start: what was opened is closed and the agent is not returned. */
  static async start(
    config: LoadedConfig,
    log: Log,
    signal: AbortSignal,
    start: PrivilegedStart,
  ): Promise<{ agent: Agent; report: StartReport } | null> {
    const agent = new Agent(config, log, start);
    for (const reason of start.confinement.missing) log.info(`not confined in full: ${reason}`);
    try {
      // Listeners first: a port that is taken is found before any event is read.
      const api = await agent.#api.listen();
      const ops = await agent.#ops.listen();
      if (!signal.aborted) await agent.#startCollector();
      if (signal.aborted) {
        await agent.close();
        return null;
      }
      const { kind, reason, nodeWide } = agent.#opened;
      const { hooks, ringBytes } = agent.#opened.collector.status();
      const report: StartReport = {
        kernel: release(),
        collector: kind,
        reason,
        nodeWide,
        capabilities: readPrivileges('/proc', 'self').permitted,
        privilegedSeconds: start.privilegedSeconds,
        hooks,
        ringBytes,
        processes: agent.model.runningCount,
        containers: agent.model.containerCount,
        apiAddress: api.url,
        opsAddress: ops.url,
      };
      return { agent, report };
    } catch (error) {
      await agent.close();
      throw error;
    }
  }

  async #startCollector(): Promise<void> {
    const asksApi = this.#metadata.sources().some(({ name }) => name === 'kube-api');
    const pipeline = new Pipeline({
      registry: this.#registry,
      table: this.model,
      activity: this.activity,
      bus: this.bus,
      publish: (batch) => this.#binding.offer(batch),
      skip: (count) => this.bus.passed(this.#binding.skip(count)),
      expect: (identity) => {
        if (identity === null) return;
        this.#metadata.lookup(identity);
        // Only the API tells which containers a pod may have.
        if (asksApi) this.#search.expect(identity);
      },
      search: this.#search,
      observeOldest: (ktimeNs) => this.#metrics.observeDelay(Number(boottimeNs() - ktimeNs) / 1e9),
    });
    this.#metadata.start();
    await this.#opened.collector.start(pipeline);
    this.#trustOwnNode();
    this.#evidence.start();
    this.#cluster.start();
    this.#healer.start();
    this.#stopSettling = this.#tasks.every('giving memory back', SETTLED_MS, () => {
      releaseStartupCode();
      this.#stopSettling();
    });
    enrichSnapshot(this.model, this.#config.proc_root, this.#mask, this.#abort.signal).catch((error) =>
      this.#log.error(`reading /proc of the processes found at start failed: ${describe(error)}`),
    );
  }

  /** A node that is a container (kind) and has the agent in it is no boundary: what it runs is named as on a machine. */
  #trustOwnNode(): void {
    const pidNamespace = ownPidNamespace(this.#config.proc_root);
    if (pidNamespace === null) return;
    for (const { nsPid, pidNs, identity } of this.model.running()) {
      if (nsPid !== process.pid || pidNs !== pidNamespace) continue;
      if (this.#registry.trustAround(identity)) this.#healer.heal();
      return;
    }
  }

  /** Ends streams and listeners, detaches the hooks. The ledger stays readable. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    const { collector } = this.#opened;
    const together = [this.#api, this.#ops, this.#metadata, this.#evidence];
    await closeAll(
      [
        () => this.#healer.stop(),
        () => this.#search.close(),
        () => this.#selfTest.stop(),
        () => this.#stopSettling(),
        // What the kernel has recorded by then still reaches whoever listens, and the ledger closes without a rest.
        () => collector.detach(),
        () => void this.ledger(),
        () => {
          this.#ledgerIsFinal = true;
        },
        () => this.#binding.flush(),
        () => this.#tasks.turn('keeping evidence', () => this.#evidence.stop()),
        () => this.#cluster.stop(),
        // Each takes its time to end what is under way.
        async () => {
          const ends = await Promise.allSettled(together.map((one) => one.close()));
          const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
          if (failures.length > 0) throw new AggregateError(failures, 'listeners or sources');
        },
        collector,
        () => this.#connections.close(),
      ],
      'closing the agent failed',
    );
  }

  /** The account as it was last composed; the final one once the hooks are detached and can no longer be asked. */
  #ledger: LedgerJson | null = null;
  #ledgerIsFinal = false;

  ledger(): LedgerJson {
    if (this.#ledger !== null && this.#ledgerIsFinal) return this.#ledger;
    const { collector } = this.#opened;
    // First what is in the ring, then the kernel's count: what happens in between is pending, never negative.
    collector.drain();
    this.#ledger = composeLedger(
      collector.counts(),
      collector.status().maySkip,
      this.model,
      this.#registry.counts().known,
      this.#ledger,
    );
    return this.#ledger;
  }

  status(): StatusJson {
    const ledger = this.ledger();
    const collector = this.#opened.collector.status();
    const cgroups = this.#registry.counts();
    const { ready, reasons } = this.readiness();
    return {
      schema_version: SCHEMA_VERSION,
      version: VERSION,
      node: this.#config.node_name,
      boot_id: this.model.bootId,
      pid: process.pid,
      started_at: this.#startedAt.toISOString(),
      uptime_seconds: this.#clock.uptimeSeconds,
      time_namespace_offset_seconds: Number(boottimeOffsetNs()) / 1e9,
      clock_step_seconds: this.#clock.stepSeconds,
      ready,
      reasons: [...reasons],
      collector: {
        kind: this.#opened.kind,
        reason: this.#opened.reason,
        hooks: [...collector.hooks],
        programs: this.#opened.collector.programs().map(programJson),
        ring_bytes: collector.ringBytes,
        ring_used_bytes: collector.ringUsedBytes,
        kernel: release(),
        btf: collector.btf,
        limits: [...collector.limits],
      },
      privileges: privilegesJson(this.#start),
      ledger,
      decode_errors: { ...collector.decodeErrors },
      processes: {
        running: this.model.runningCount,
        exited: this.model.exitedCount,
        containers: this.model.containerCount,
        cgroups: cgroups.known,
        cgroups_claimed: cgroups.claimed,
        cgroups_truncated: cgroups.truncated,
      },
      metadata: metadataJson(this.#metadata, this.#binding),
      evidence: this.#evidence.status(),
      tasks: this.#tasks.states().map(taskJson),
      clients: this.#api.streams().clients + this.#api.liveProcesses().clients,
      memory: { rss_bytes: process.memoryUsage.rss(), model_bytes: this.model.estimatedBytes },
    };
  }

  /** What went wrong where nobody expects anything to: told, counted, and the agent goes on. */
  noteUnexpected(error: unknown): void {
    this.#log.error(`a bug in the agent: ${describe(error)}`);
    this.#tasks.turn('what nothing watches', () => {
      throw error;
    });
  }

  evidence(query: EvidenceQuery): EvidenceJson {
    return this.#evidence.show(query);
  }

  doctor(): Promise<DoctorJson> {
    return this.#doctor.examine();
  }

  selfTest(): Promise<SelfTestJson> {
    return this.#selfTest.run();
  }

  lastSelfTest(): LastSelfTestJson {
    return { schema_version: SCHEMA_VERSION, last: this.#selfTest.last };
  }

  configuration(): ConfigurationJson {
    return this.#configuration;
  }

  #evidenceSnapshot(): RunningSnapshot {
    const access = this.#api.access();
    return {
      collector: this.#opened.kind,
      collectorReason: this.#opened.reason,
      hooks: this.#opened.kind === 'ebpf' ? this.#opened.collector.status().hooks : [],
      privileges: privilegesJson(this.#start),
      ledger: this.ledger(),
      access: access.counts(),
      accessOverflow: access.overflow,
      cluster: this.#cluster.known,
      egress: this.#metadata
        .sources()
        .map(({ name, endpoint, state }) => ({ to: endpoint, purpose: `names, from ${name}`, state })),
      connections: this.#connections.counts(),
      connectionsOverflow: this.#connections.overflow,
    };
  }

  /** The ring fills faster than it is read: time for nothing but reading. */
  isBehind(): boolean {
    const { ringBytes, ringUsedBytes } = this.#opened.collector.status();
    return ringBytes !== null && ringUsedBytes !== null && ringUsedBytes > ringBytes / 4;
  }

  readiness(): ReadyJson {
    const reasons: string[] = [];
    if (!this.#opened.nodeWide) {
      reasons.push(`short-lived processes are missed: the collector is procfs, ${this.#opened.reason}`);
    }
    reasons.push(...this.#healer.lossReasons());
    return { ready: reasons.length === 0, reasons };
  }
}

const secretRules = (config: Config) => ({
  enabled: config.secrets.mask,
  extraArguments: config.secrets.extra_arguments,
  extraPatterns: config.secrets.extra_patterns,
});

const describe = (error: unknown) =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
