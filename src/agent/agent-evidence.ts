// The evidence of this agent: where its records are kept, and what is shown of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { type EvidenceJson, type EvidenceQuery, SCHEMA_VERSION, type StatusJson } from '../api/index.ts';
import {
  AnchorQueue,
  anchorText,
  createAnchorEvent,
  type Chain,
  ChainFile,
  describeConfiguration,
  describePrograms,
  EvidenceRecorder,
  type EvidenceSnapshot,
  headOf,
  ownSigningKey,
  readSigningKey,
  type SigningKey,
  MemoryChain,
  type RecorderHealth,
} from '../evidence/index.ts';
import type { ProgramFacts } from '../kernel/index.ts';
import { boottimeNs } from '../os/index.ts';
import { CognitodError, type Config, type Tasks, VERSION } from '../lib/index.ts';
import type { Log } from '../lib/index.ts';
import { chosenTarget, KUBE_TIMES } from '../identity/index.ts';
import { readBootId } from './boot-id.ts';
import { ownNamespace } from './own-namespace.ts';

/** What only the running agent knows; the rest follows from what is loaded and the configuration. */
export type RunningSnapshot = Omit<EvidenceSnapshot, 'programs' | 'configuration'> & {
  readonly loaded: readonly ProgramFacts[];
};

const elapsedMs = () => Number(boottimeNs() / 1_000_000n);
/** How soon a hash that could not be sent is tried again, and a new one goes out. */
const ANCHOR_MS = 10_000;
/** What an end may wait for the last. */
const LAST_ANCHORS_MS = 2_000;
const ANCHOR_TIMES = { ...KUBE_TIMES, connectMs: 5_000, answerIdleMs: 10_000 };
const UNTOUCHED: RecorderHealth = { failedWrites: 0, losses: 0, problem: null };

export class AgentEvidence {
  readonly #config: Config;
  readonly #log: Pick<Log, 'info' | 'warn'>;
  readonly #tasks: Tasks;
  readonly #startedMs = elapsedMs();
  readonly #snapshot: () => EvidenceSnapshot;
  readonly #chain: Chain;
  #key: SigningKey | null = null;
  #recorder: EvidenceRecorder | undefined;
  readonly #anchors: AnchorQueue | null;
  #stopAnchors = () => {};

  /** Throws EVIDENCE_UNWRITABLE or EVIDENCE_KEY. */
  constructor(
    config: Config,
    log: Pick<Log, 'info' | 'warn'>,
    tasks: Tasks,
    snapshot: () => RunningSnapshot,
  ) {
    this.#config = config;
    this.#log = log;
    this.#tasks = tasks;
    const configuration = describeConfiguration(config);
    let programs: EvidenceSnapshot['programs'] | undefined;
    this.#snapshot = () => {
      const { loaded, ...running } = snapshot();
      // They stay the same as long as the agent runs.
      programs ??= describePrograms(loaded);
      return { ...running, configuration, programs };
    };
    const { directory, retention_days: days, key_file: keyFile } = config.evidence;
    const openKey = () => {
      this.#key = keyFile === null ? ownSigningKey(directory!) : readSigningKey(keyFile);
      return this.#key;
    };
    // What ends with the agent is signed only where a key is given that does not.
    if (directory === null) this.#chain = new MemoryChain(days, keyFile === null ? undefined : openKey());
    else this.#chain = new ChainFile(directory, days, openKey);
    this.#anchors = openAnchors(config);
    if (config.evidence.anchor_events && this.#anchors === null)
      log.warn('evidence.anchor_events does nothing: it needs evidence.directory and a Kubernetes API');
  }

  /** Makes the first record. */
  start(): void {
    this.#recorder = new EvidenceRecorder({
      chain: this.#chain,
      node: this.#config.node_name,
      bootId: readBootId(this.#config.proc_root),
      version: VERSION,
      agentPid: process.pid,
      snapshot: this.#snapshot,
      tasks: this.#tasks,
      now: () => new Date(),
      elapsedMs,
      // By the clock as it is now, if it was set since.
      startedAt: new Date(Date.now() - (elapsedMs() - this.#startedMs)),
      // Logs usually leave the node: who has them knows the head from elsewhere than the file. Without a file there is
      // nothing to compare it with.
      sealed: (record) => {
        if (this.#chain.path === null) return;
        this.#log.info(anchorText(record, this.#config.node_name));
        this.#anchors?.add(record);
        if (this.#recorder !== undefined) this.#sendAnchors();
      },
      warn: (text) => this.#log.warn(text),
    });
    const anchors = this.#anchors;
    if (anchors === null) return;
    const options = { atOnce: true, unref: true };
    this.#stopAnchors = this.#tasks.every('sending anchors', ANCHOR_MS, () => anchors.flush(), options);
  }

  /** Makes the last record. Nothing when there was no first. */
  stop(): void {
    this.#recorder?.stop();
    this.#stopAnchors();
  }

  /** After `stop`: the hashes that have not gone out yet get a moment more. */
  async close(): Promise<void> {
    await Promise.race([
      this.#anchors?.flush().catch(() => {}),
      sleep(LAST_ANCHORS_MS, null, { ref: false }),
    ]);
  }

  #sendAnchors(): void {
    const anchors = this.#anchors;
    if (anchors !== null) void this.#tasks.turn('sending anchors', () => anchors.flush());
  }

  status(): StatusJson['evidence'] {
    const head = headOf(this.#chain);
    const { failedWrites, losses, problem } = this.#recorder?.health() ?? UNTOUCHED;
    return {
      kept_in: this.#chain.path,
      sequence: head?.sequence ?? 0,
      head: head?.hash ?? null,
      public_key: this.#key?.publicKey ?? null,
      anchored: this.#anchors?.sent ?? null,
      failed_writes: failedWrites,
      losses,
      problem,
    };
  }

  /** Records of whole days; without bounds all. */
  show({ from, to }: EvidenceQuery): EvidenceJson {
    const wanted = ({ to: end, from: begin }: { from: string; to: string }) =>
      (from === undefined || end.slice(0, 10) >= from) && (to === undefined || begin.slice(0, 10) <= to);
    if (this.#recorder === undefined) throw new CognitodError('NOT_FOUND', 'the agent is still starting');
    return {
      schema_version: SCHEMA_VERSION,
      kept_in: this.#chain.path,
      head: headOf(this.#chain),
      records: this.#chain.records.filter(wanted),
      current: this.#recorder.current(),
    };
  }
}

function openAnchors({ evidence, kubernetes, node_name: node }: Config): AnchorQueue | null {
  if (!evidence.anchor_events || evidence.directory === null) return null;
  const target = chosenTarget(kubernetes);
  if (target === null) return null;
  const options = { target, times: ANCHOR_TIMES, namespace: ownNamespace(), node };
  return new AnchorQueue((record) => createAnchorEvent(options, record));
}
