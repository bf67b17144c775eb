// The status document: what every part of the running agent says of itself.
import { release } from 'node:os';
import { type LedgerJson, type ReadyJson, SCHEMA_VERSION, type StatusJson } from '../api/index.ts';
import { type Config, type TaskState, VERSION } from '../lib/index.ts';
import type { LateBinding, ProcessTable } from '../model/index.ts';
import { boottimeOffsetNs } from '../os/index.ts';
import type { PrivilegedStart } from '../start/index.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { OpenedCollector } from './open-collector.ts';
import type { Names } from './open-names.ts';
import { privilegesJson } from './privileges-json.ts';
import { metadataJson, programJson, taskJson } from './status-parts.ts';

/** What is running, and what was just asked of it. */
export interface ReportedParts {
  readonly config: Config;
  readonly start: PrivilegedStart;
  readonly opened: OpenedCollector;
  readonly names: Names;
  readonly model: ProcessTable;
  readonly binding: LateBinding;
  readonly clock: ClockWatch;
  readonly startedAt: Date;
  readonly ledger: LedgerJson;
  readonly readiness: ReadyJson;
  readonly evidence: StatusJson['evidence'];
  readonly tasks: readonly TaskState[];
  /** Of all streams. */
  readonly clients: number;
}

export function statusReport(parts: ReportedParts): StatusJson {
  const { config, opened, names, model, clock, readiness } = parts;
  const collector = opened.collector.status();
  const cgroups = names.registry.counts();
  return {
    schema_version: SCHEMA_VERSION,
    version: VERSION,
    node: config.node_name,
    boot_id: model.bootId,
    pid: process.pid,
    started_at: parts.startedAt.toISOString(),
    uptime_seconds: clock.uptimeSeconds,
    time_namespace_offset_seconds: Number(boottimeOffsetNs()) / 1e9,
    clock_step_seconds: clock.stepSeconds,
    ready: readiness.ready,
    reasons: [...readiness.reasons],
    collector: {
      kind: opened.kind,
      reason: opened.reason,
      hooks: [...collector.hooks],
      programs: opened.collector.programs().map(programJson),
      ring_bytes: collector.ringBytes,
      ring_used_bytes: collector.ringUsedBytes,
      kernel: release(),
      btf: collector.btf,
      limits: [...collector.limits],
    },
    privileges: privilegesJson(parts.start),
    ledger: parts.ledger,
    decode_errors: { ...collector.decodeErrors },
    processes: {
      running: model.runningCount,
      exited: model.exitedCount,
      containers: model.containerCount,
      cgroups: cgroups.known,
      cgroups_claimed: cgroups.claimed,
      cgroups_truncated: cgroups.truncated,
    },
    metadata: metadataJson(names.metadata, parts.binding),
    evidence: parts.evidence,
    tasks: parts.tasks.map(taskJson),
    clients: parts.clients,
    memory: { rss_bytes: process.memoryUsage.rss(), model_bytes: model.estimatedBytes },
  };
}
