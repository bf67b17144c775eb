// Snapshots of an agent that is not there.
import type { LedgerJson } from '../api/index.ts';
import { NOTHING_HELD } from '../api/privileges.fixture.ts';
import type { EvidenceSnapshot } from './recorder.ts';

/** `seen` events of each kind, `lost` and `skipped` more of each. */
export function ledgerOf(
  seen: number,
  lost: number,
  containers = { seen: 0, attributed: 0 },
  skipped = 0,
): LedgerJson {
  const entry = { kernel: seen + lost + skipped, decoded: seen, lost, skipped, pending: 0 };
  return {
    fork: entry,
    exec: entry,
    exit: entry,
    move: entry,
    cgroup: { decoded: 0, lost: 0 },
    containers: { ...containers, unknown_cgroup: 0, claimed: 0 },
    healed: { exit_unseen: 0, fork_unseen: 0, reopened: 0 },
    dropped: { exited: 0, live: 0, images: 0 },
  };
}

export function snapshotOf(fields: Partial<EvidenceSnapshot> = {}): EvidenceSnapshot {
  return {
    collector: 'ebpf',
    collectorReason: 'the kernel has BTF',
    programs: [],
    privileges: NOTHING_HELD,
    configuration: { sha256: 'a'.repeat(64), values: { collector: 'auto' } },
    ledger: ledgerOf(0, 0),
    access: [],
    accessOverflow: 0,
    egress: [],
    connections: [],
    connectionsOverflow: 0,
    cluster: { state: 'not-read', reasons: ['nobody asked'], rights: [], objects: [] },
    ...fields,
  };
}
