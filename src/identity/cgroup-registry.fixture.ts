// Events, records and a registry with a made /proc, for the tests of the registry.
import type { CgroupRecord, EventBase } from '../decode/index.ts';
import { CgroupRegistry, type CgroupRegistryOptions } from './cgroup-registry.ts';
import type { Identity } from './identity.ts';

export const A = '0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9';
export const B = 'ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100';
export const UID = '3d274242-8ee0-11e9-a8a6-1e68d864ef1a';
export const POD_PATH = `/kubepods/burstable/pod${UID}/${A}`;
export const SERVICE_PATH = '/system.slice/sshd.service';
export const MS = 1_000_000n;

export const BASE: EventBase = {
  source: 'ebpf',
  ktimeNs: 1_000_000_000n,
  pid: 100,
  startNs: 900_000_000n,
  parentPid: 1,
  parentStartNs: 1n,
  uid: 0,
  gid: 0,
  euid: 0,
  loginuid: 4294967295,
  sessionId: 4294967295,
  capEffective: 0,
  execId: 0,
  pidNs: 0,
  mntNs: 0,
  cgroupNs: 0,
  nsPid: 100,
  cgroupId: 0,
  cgroupV1Id: 0,
  comm: 'sh',
  kernelThread: false,
};

export const UNKNOWN: Identity = {
  containerId: null,
  podUid: null,
  runtime: null,
  qos: null,
  tags: [],
  unit: null,
  cgroupPath: null,
  provenance: 'cgroup-unknown',
};

export function event(cgroupId: number, cgroupV1Id = 0, more: Partial<EventBase> = {}): EventBase {
  return { ...BASE, cgroupId, cgroupV1Id, ...more };
}

export function record(
  cgroupId: number,
  path: string,
  hierarchyId = 0,
  more: Partial<CgroupRecord> = {},
): CgroupRecord {
  return {
    type: 'cgroup',
    source: 'ebpf',
    ktimeNs: 1n,
    hierarchyId,
    cgroupId,
    path,
    removed: false,
    truncated: false,
    parentId: null,
    ...more,
  };
}

/** A registry whose /proc has these contents. `asked` lists the pids it was asked for. */
export function setUp(proc: Record<number, string> = {}, options: Partial<CgroupRegistryOptions> = {}) {
  const asked: number[] = [];
  const readProcCgroup = (pid: number) => {
    asked.push(pid);
    return proc[pid] ?? null;
  };
  return { registry: new CgroupRegistry({ readProcCgroup, ...options }), asked, proc };
}
