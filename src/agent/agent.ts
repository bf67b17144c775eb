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
import { type NodeReader, ownPidNamespace, Sampler, type UsageReader } from '../collect/index.ts';
import { type ArgvMasker, budgetFor, createMasker, type EventBase } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { ConnectionCounts } from '../evidence/index.ts';
import { boottimeNs, realtimeNs, releaseStartupCode } from '../os/index.ts';
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
} from '../lib/index.ts';
import { PlaceActivity, EventBus, LateBinding, ProcessTable, WorkloadCounters } from '../model/index.ts';
import {
  type AgentView,
  type ApiServer,
  createApiServer,
  createMetrics,
  type Metrics,
} from '../serve/index.ts';
import { createOpsServer, type OpsServer } from '../http/index.ts';
import { enrichSnapshot } from './enrich.ts';
import { Account } from './account.ts';
import { AgentDoctor } from './agent-doctor.ts';
import { apiListeners } from './api-listeners.ts';
import { AgentEvidence, type RunningSnapshot } from './agent-evidence.ts';
import { readBootId } from './boot-id.ts';
import { ClockWatch } from './clock-watch.ts';
import { configurationJson } from './configuration-json.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { Healer } from './healer.ts';
import { type OpenedCollector, openCollector } from './open-collector.ts';
import { type Names, openNames } from './open-names.ts';
import { Pipeline } from './pipeline.ts';
import { activityStage, delayStage, namingStage, publishingStage } from './stages.ts';
import { statusReport } from './status-report.ts';
import { privilegesJson } from './privileges-json.ts';
import { AgentSelfTest, selfTestLifeMs } from './self-test.ts';
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
  readonly activity: PlaceActivity;
  readonly usage: UsageReader;
  readonly node: NodeReader;
  readonly #config: Config;
  readonly #log: Log;
  readonly #start: PrivilegedStart;
  readonly #mask: ArgvMasker;
  readonly #opened: OpenedCollector;
  readonly #names: Names;
  readonly #account: Account;
  readonly #binding: LateBinding;
  readonly #healer: Healer;
  readonly #metrics: Metrics;
  readonly #evidence: AgentEvidence;
  readonly #cluster: ClusterWatch;
  readonly #connections = new ConnectionCounts();
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
  #stopTicks = () => {};
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
    this.#names = openNames(config, this.#opened.kind, this.#tasks, warn);
    const { metadata, registry, search } = this.#names;
    this.model = new ProcessTable({
      bootId: readBootId(config.proc_root),
      clocks: { boottimeNs, realtimeNs },
      retentionSeconds: config.model.retention_seconds,
      maxExited: config.model.max_exited,
      maxLive: config.model.max_live,
      memoryBytes: config.model.memory_bytes,
      metadata,
    });
    this.#account = new Account(this.#opened.collector, this.model, () => registry.counts().known);
    const nowMs = () => performance.now();
    const { max_workloads: maxWorkloads, max_units: maxUnits } = config.metrics;
    const workloads = new WorkloadCounters({ maxWorkloads, maxUnits, nowMs });
    this.activity = new PlaceActivity({
      live: this.model,
      maxPlaces: config.model.max_places,
      nowMs,
      onRetire: (place) =>
        workloads.settle(place, place.identity === null ? null : metadata.lookup(place.identity), 0),
    });
    ({ node: this.node, usage: this.usage } = new Sampler({ procRoot: config.proc_root, nowMs }));
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
      metadata,
      holdMs: config.metadata.hold_ms,
      isSearched: (identity) => search.isLookingFor(identity),
      maxHeld: config.metadata.max_held,
      publish: (batch) => this.bus.publish(batch),
      tasks: this.#tasks,
    });
    this.#healer = new Healer({
      collector: this.#opened.collector,
      table: this.model,
      identify: (facts, known) =>
        known !== null && this.#knowsBetter(known, facts) ? known : registry.resolve(facts),
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

  /** What was opened before is closed when the rest cannot be made. */
  static #make(config: LoadedConfig, log: Log, start: PrivilegedStart): Agent {
    try {
      return new Agent(config, log, start);
    } catch (error) {
      if (start.opened.kind === 'ebpf') start.opened.programs.close();
      throw error;
    }
  }

  /** `signal` aborts the start: what was opened is closed and the agent is not returned. */
  static async start(
    config: LoadedConfig,
    log: Log,
    signal: AbortSignal,
    start: PrivilegedStart,
  ): Promise<{ agent: Agent; report: StartReport } | null> {
    const agent = Agent.#make(config, log, start);
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
    const delayOf = (ktimeNs: bigint) => Number(boottimeNs() - ktimeNs) / 1e9;
    const pipeline = new Pipeline({
      registry: this.#names.registry,
      table: this.model,
      stages: [
        delayStage((ktimeNs) => this.#metrics.observeDelay(delayOf(ktimeNs))),
        namingStage(this.#names),
        activityStage(this.activity),
        publishingStage(this.bus, this.#binding),
      ],
    });
    this.#names.metadata.start();
    await this.#opened.collector.start(pipeline);
    this.#stopTicks = pipeline.startTicks(this.#tasks);
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
      if (this.#names.registry.trustAround(identity)) this.#healer.heal();
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
    const together = [this.#api, this.#ops, this.#names.metadata, this.#evidence];
    await closeAll(
      [
        () => this.#healer.stop(),
        () => this.#names.search.close(),
        () => this.#selfTest.stop(),
        () => this.#stopSettling(),
        () => this.#stopTicks(),
        // What the kernel has recorded by then still reaches whoever listens, and the ledger closes without a rest.
        () => collector.detach(),
        () => this.#account.finish(),
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

  ledger(): LedgerJson {
    return this.#account.ledger();
  }

  status(): StatusJson {
    return statusReport({
      config: this.#config,
      start: this.#start,
      opened: this.#opened,
      names: this.#names,
      model: this.model,
      binding: this.#binding,
      clock: this.#clock,
      startedAt: this.#startedAt,
      ledger: this.ledger(),
      readiness: this.readiness(),
      evidence: this.#evidence.status(),
      tasks: this.#tasks.states(),
      clients: this.#api.streams().clients + this.#api.liveProcesses().clients,
    });
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
      loaded: this.#opened.collector.status().programs,
      privileges: privilegesJson(this.#start),
      ledger: this.ledger(),
      access: access.counts(),
      accessOverflow: access.overflow,
      cluster: this.#cluster.known,
      egress: this.#names.metadata
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
