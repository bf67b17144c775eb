// Turns processes of the model into their published JSON shape.
import { type ImageJson, type ProcessJson, SCHEMA_VERSION } from '../api/index.ts';
import { withPod } from '../identity/index.ts';
import { formatProcessId, type Image, type ModelView, type ProcessView } from '../model/index.ts';
import { exactInteger } from './exact-integer.ts';
import { claimJson, metadataJson } from './metadata-json.ts';
import { signalName } from './signal-name.ts';

/** A process without its images, as in pages and trees. Meant for JSON.stringify (see exactInteger). */
export function processJson(process: ProcessView, model: ModelView): ProcessJson {
  const { image } = process;
  const metadata = model.metadataOf(process);
  const identity = withPod(process.identity, metadata);
  return {
    schema_version: SCHEMA_VERSION,
    process_id: model.processIdOf(process),
    pid: process.pid,
    ppid: process.parentPid,
    parent_process_id:
      process.parentPid === 0
        ? null
        : formatProcessId(model.bootId, process.parentPid, process.parentStartNs),
    state: process.state,
    born: process.birth,
    start_time: model.timeOf(process.startNs),
    start_ktime_ns: exactInteger(process.startNs),
    exit_time: process.exitKtimeNs === null ? null : model.timeOf(process.exitKtimeNs),
    exit_code: process.exit?.exitCode ?? null,
    exit_signal: process.exit?.exitSignal ?? null,
    exit_signal_name: process.exit?.exitSignal == null ? null : signalName(process.exit.exitSignal),
    uid: process.uid,
    gid: process.gid,
    euid: process.euid,
    cap_effective: process.capEffective,
    comm: image.comm,
    executable: image.executable,
    argv: image.argv as string[] | null,
    kernel_thread: process.kernelThread,
    ns_pid: process.nsPid || null,
    exec_seq: process.execSeq,
    children: process.children?.size ?? 0,
    container_id: identity.containerId,
    pod_uid: identity.podUid,
    runtime: identity.runtime,
    qos: identity.qos,
    unit: identity.unit,
    cgroup_path: identity.cgroupPath,
    tags: identity.tags as string[],
    provenance: identity.provenance,
    ...claimJson(identity),
    ...metadataJson(identity, metadata),
  };
}

/** A process with its images, oldest first. */
export function processDetailJson(process: ProcessView, model: ModelView): ProcessJson {
  const kept = [...(process.earlierImages ?? []), process.image];
  const firstSeq = process.execSeq - kept.length + 1;
  const images = kept.map((image, index) => imageJson(image, firstSeq + index, process, model));
  return { ...processJson(process, model), images };
}

function imageJson(image: Image, execSeq: number, process: ProcessView, model: ModelView): ImageJson {
  // Before its first exec a child runs its parent's image, which began earlier, in another process.
  const inherited = execSeq === 0 && process.birth === 'fork';
  const since = inherited ? process.startNs : image.sinceKtimeNs;
  return {
    exec_seq: execSeq,
    since: since === null ? null : model.timeOf(since),
    comm: image.comm,
    executable: image.executable,
    argv: image.argv as string[] | null,
    argv_truncated: image.argvTruncated,
    source: inherited ? 'inherited' : image.source,
  };
}
