// Cgroup paths and /proc/PID/cgroup contents to container, pod, QoS class and systemd unit.
import {
  type ContainerName,
  type Manager,
  NAME_MAX,
  readContainerName,
  readPodName,
  readUnitName,
} from './cgroup-names.ts';
import type { CgroupIdentity, QosClass } from './identity.ts';

/** One path with what it says and how much that is. */
export interface CgroupReading {
  /** The path that was read, without `(deleted)`. Empty when the input has none. */
  readonly path: string;
  readonly identity: CgroupIdentity;
  /** Greater is better, see `rankOf`. 0: says nothing. */
  readonly rank: number;
}

const NOTHING: CgroupReading = { path: '', identity: identify(null, null, null, null, null), rank: 0 };

const DELETED = ' (deleted)';

/** More than any kernel prints (one line per hierarchy): what follows is not read. */
const MAX_LINES = 256;

/** Four times PATH_MAX: of a longer path only this much of its leaf end is read. */
const MAX_PATH = 16_384;

/** `hierarchy:controllers:` before the path of a /proc/PID/cgroup line. */
const LINE_HEADER = /^([0-9]{1,10}):[^:/]*:/;

/**
 * What the content of a /proc/PID/cgroup says: one line per hierarchy, of v1, hybrid or v2; a bare path
 * will do as well. Never throws; the work is bounded however long the input is.
 *
 * Of several lines the one that says the most counts: container and pod, else container, else pod, else
 * unit. Between equals the more deeply nested container wins, then a line that also tells the runtime or
 * the QoS class, then the line of v2 (`0::`), then the first.
 */
export function parseCgroup(input: string): CgroupIdentity {
  return readCgroup(input).identity;
}

/** What one cgroup path says, see `readCgroupPath`. Never throws. */
export function parseCgroupPath(path: string): CgroupIdentity {
  return readCgroupPath(path).identity;
}

/** Like `parseCgroup`, with the path of the line that counted. */
export function readCgroup(input: string): CgroupReading {
  let best: CgroupReading | null = null;
  let bestIsV2 = false;
  let lines = 0;
  for (let start = 0; start < input.length && lines < MAX_LINES; lines++) {
    const newline = input.indexOf('\n', start);
    const end = newline < 0 ? input.length : newline;
    const line = input.slice(start, end).trim();
    start = end + 1;
    if (line === '') continue;

    const header = LINE_HEADER.exec(line);
    // Something like a header that is none (`name=systemd:/…`): not a line of this file.
    if (header === null && line[line.indexOf('/') - 1] === ':') continue;
    const reading = readCgroupPath(header === null ? line : line.slice(header[0].length));
    const isV2 = header?.[1] === '0';
    if (best === null || reading.rank > best.rank || (reading.rank === best.rank && isV2 && !bestIsV2)) {
      best = reading;
      bestIsV2 = isV2;
    }
  }
  return best ?? NOTHING;
}

/** A container on the way down, with the one around it. */
interface Found extends ContainerName {
  readonly outer: Found | null;
}

/**
 * Reads a path from its root to its leaf; deeper names override: the innermost container wins, the
 * innermost pod wins, and a pod inside a container (kind, minikube) leaves that container behind.
 * `..` (an agent in a cgroup namespace of its own) and names that say nothing are passed over.
 *
 * - Everything below a container is the container's own affair: a payload that runs systemd stays that
 *   container, and its units are not named, for it can make directories called like any host service.
 * - `unit` is the innermost service or scope of the host, and null inside containers and pods. The user
 *   manager's own `init.scope` stands for its service `user@UID.service`; a login session is its
 *   `session-N.scope`; the host's pid 1 is `init.scope`.
 * - A `.mount` unit holds mount helpers: it is in no container, even where the name carries an id.
 * - nspawn's `supervisor` is nspawn itself, on the host, in the unit that runs the machine.
 */
export function readCgroupPath(rawPath: string): CgroupReading {
  const path = rawPath.endsWith(DELETED) ? rawPath.slice(0, -DELETED.length) : rawPath;
  let podUid: string | null = null;
  let qos: QosClass | null = null;
  let container: Found | null = null;
  let unit: string | null = null;
  let manager: Manager | null = null;
  let onHost = true;
  let enteredMachine = false;
  let parent = '';

  // The cut is made between two names: part of a name could be another name.
  const first = path.length > MAX_PATH ? path.indexOf('/', path.length - MAX_PATH) : 0;
  for (let start = first < 0 ? path.length : first; start < path.length; ) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    const length = end - start;
    const from = start;
    start = end + 1;
    if (length === 0) continue;
    if (length > NAME_MAX) {
      parent = '';
      continue;
    }
    const name = path.slice(from, end);
    if (name === '..') continue;

    if (onHost) {
      const found = readUnitName(name);
      if (found !== null && !(found === 'init.scope' && unit !== null)) unit = found;
    }
    const pod = readPodName(name, parent);
    if (pod !== null) {
      podUid = pod.uid;
      qos = pod.qos;
      container = null;
    }
    const inner = readContainerName(name, parent, manager);
    if (inner !== null) container = { ...inner, outer: container };
    else if (name.endsWith('.mount')) container = null;
    else if (name === 'supervisor' && enteredMachine) container = outerOf(container);
    enteredMachine = inner?.runtime === 'nspawn';

    if (pod !== null || inner !== null) {
      onHost = false;
      manager = null;
    } else if (name === 'ecs' || name === 'garden') manager = name;
    parent = name;
  }

  const named = container !== null || podUid !== null;
  const identity = identify(
    container?.id ?? null,
    podUid,
    container?.runtime ?? null,
    qos,
    named ? null : unit,
  );
  return { path, identity, rank: rankOf(identity, depthOf(container)) };
}

function outerOf(container: Found | null): Found | null {
  return container === null ? null : container.outer;
}

function depthOf(container: Found | null): number {
  let depth = 0;
  for (let found = container; found !== null; found = found.outer) depth++;
  return depth;
}

/** What is compared first stands in the highest bits. */
function rankOf(identity: CgroupIdentity, depth: number): number {
  const container = identity.containerId === null ? 0 : 1;
  const pod = identity.podUid === null ? 0 : 1;
  const unit = identity.unit === null ? 0 : 1;
  const runtime = identity.runtime === null ? 0 : 1;
  const qos = identity.qos === null ? 0 : 1;
  const depthBits = Math.min(depth, 255);
  return (
    ((container + pod) << 16) | (container << 15) | (depthBits << 4) | (unit << 2) | (runtime << 1) | qos
  );
}

function identify(
  containerId: string | null,
  podUid: string | null,
  runtime: string | null,
  qos: QosClass | null,
  unit: string | null,
): CgroupIdentity {
  const tags: string[] = [];
  if (podUid !== null) tags.push(`k8s_pod:${podUid}`);
  if (containerId !== null) tags.push(`container:${containerId.slice(0, 12)}`);
  // One name per class, whichever cgroup driver and cgroup root the kubelet has.
  if (qos !== null) tags.push(qos === 'guaranteed' ? 'cgroup:kubepods' : `cgroup:kubepods-${qos}`);
  return { containerId, podUid, runtime, qos, tags, unit };
}
