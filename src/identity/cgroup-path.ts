// Cgroup paths to container, pod, QoS class and systemd unit: what of their names is believed, and what they only claim.
import { readableText } from '../decode/index.ts';
import { type Ground, groundBelow } from './cgroup-ground.ts';
import {
  type ContainerName,
  isKubeletGroup,
  type Manager,
  NAME_MAX,
  readContainerName,
  readPayload,
  readPodName,
  readUnitName,
} from './cgroup-names.ts';
import { CgroupRoots } from './cgroup-roots.ts';
import type { CgroupIdentity, Claim, QosClass } from './identity.ts';

/** One path with what it says and how much that is. */
export interface CgroupReading {
  /** The path that was read, as raw text. Empty when the input has none. */
  readonly path: string;
  /** What is believed; with `byName` the container is only claimed. */
  readonly identity: CgroupIdentity;
  /** The container's name stands where others than a runtime may make names: its unit is what is sure. */
  readonly byName: boolean;
  /** Greater is better, see `rankOf`. 0: says nothing. */
  readonly rank: number;
}

/** Four times PATH_MAX: no kernel prints a longer path, so it is not read. */
const MAX_PATH = 16_384;

const NO_ROOTS = new CgroupRoots();

/**
 * What one cgroup path says, from its root to its leaf. Never throws; the work is bounded however long it is.
 *
 * - The outermost pod counts, and in it the outermost container. Below a container everything is the container's own
 *   affair: whatever directories it makes, a process there stays in that container.
 * - A pod is believed only where a kubelet makes its directory: below `kubepods` at the root of the hierarchy, in a slice
 *   that root made, or below one of `roots`; a container only where root's runtimes make theirs. See cgroup-ground.ts.
 * - Elsewhere a container is told as claimed (`byName`), with the unit that it is in, and a pod, or a container with a
 *   name that only a kubelet's runtime gives, is no more than a `claim` beside what the process really is.
 * - `unit` is the unit of the system manager, as systemd finds it: the first below slices. What a user names in the own
 *   subtree is `userUnit`. A container that is believed has none.
 * - nspawn's `supervisor` is nspawn itself, on the host, in the unit that runs the machine.
 * - A path that begins with `..` (an agent in a cgroup namespace of its own) leads to a directory above the agent.
 */
export function readCgroupPath(rawPath: string, roots: CgroupRoots = NO_ROOTS): CgroupReading {
  if (rawPath.length > MAX_PATH) return { ...NOTHING, path: rawPath };
  // A longer root may be a container's own: of a process in it only a shorter one tells which container that is.
  for (const end of roots.lengthsIn(rawPath)) {
    const inside = readNames(rawPath.slice(end));
    if (isNamed(inside)) return readingOf(rawPath, inside);
  }
  return readingOf(rawPath, readNames(rawPath));
}

/** What was found on the way down. */
interface Found {
  podUid: string | null;
  qos: QosClass | null;
  container: ContainerName | null;
  byName: boolean;
  unit: string | null;
  userUnit: string | null;
  claimedPod: { readonly uid: string; readonly qos: QosClass | null } | null;
  claimedContainer: ContainerName | null;
}

/** Where the reader is. */
interface Position {
  ground: Ground;
  parent: string;
  grandparent: string;
  manager: Manager | null;
  /** Only slices so far: the next service or scope is a unit of the system manager. */
  onSlices: boolean;
  /** Likewise below a user manager. */
  onUserSlices: boolean;
  inKubelet: boolean;
  /** Right below a machine that nspawn runs. */
  enteredMachine: boolean;
  /** Right below a scope in machine.slice. */
  inMachineScope: boolean;
}

function readNames(path: string): Found {
  const found: Found = {
    podUid: null,
    qos: null,
    container: null,
    byName: false,
    unit: null,
    userUnit: null,
    claimedPod: null,
    claimedContainer: null,
  };
  const at: Position = {
    ground: 'system',
    parent: '',
    grandparent: '',
    manager: null,
    onSlices: true,
    onUserSlices: false,
    inKubelet: false,
    enteredMachine: false,
    inMachineScope: false,
  };
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    const name = end - start > NAME_MAX ? '' : path.slice(start, end);
    const isEmpty = end === start;
    start = end + 1;
    if (isEmpty) continue;
    // The names above are those of the agent's own place.
    if (name === '..') at.inKubelet = true;
    else step(name, found, at);
  }
  return found;
}

function step(name: string, found: Found, at: Position): void {
  if (at.ground === 'inside') readInside(name, found, at);
  else readOutside(name, found, at);
  at.grandparent = at.parent;
  at.parent = name;
}

function readOutside(name: string, found: Found, at: Position): void {
  readUnits(name, found, at);
  const { ground } = at;
  const pod = readPodName(name, at.parent);
  if (pod !== null) {
    const isPlace = at.inKubelet || isKubeletGroup(at.parent) || !name.startsWith('pod');
    if (ground === 'system' && isPlace && found.podUid === null) {
      found.podUid = pod.uid;
      found.qos = pod.qos;
    } else found.claimedPod ??= pod;
  }
  const payload = readPayload(name, at.parent, at.grandparent);
  const container = payload ?? readContainerName(name, at.parent, at.manager);
  const isBelieved = ground === 'system' || (payload !== null && at.inMachineScope);
  at.enteredMachine = container?.runtime === 'nspawn' && name !== 'payload';
  if (container === null) {
    at.inMachineScope = ground === 'system' && at.parent === 'machine.slice' && name.endsWith('.scope');
    if (isKubeletGroup(name)) at.inKubelet = true;
    if (name === 'ecs' || name === 'garden') at.manager = name;
    else if (pod !== null) at.manager = null;
    // What is right in a pod's own directory the kubelet and its runtime make.
    const isOwnPod = pod !== null && found.claimedPod === null;
    if (!isOwnPod) at.ground = groundBelow(name, at.parent, ground);
    return;
  }
  const isForPods = found.podUid !== null || container.onlyInPods === true;
  if (found.claimedPod !== null || (!isBelieved && isForPods)) found.claimedContainer = container;
  else {
    found.container = container;
    found.byName = !isBelieved;
  }
  at.ground = 'inside';
}

/** Every name is a mere claim, but for nspawn's own process beside the payload. */
function readInside(name: string, found: Found, at: Position): void {
  if (name === 'supervisor' && at.enteredMachine) {
    found.container = null;
    found.byName = false;
  }
  at.enteredMachine = false;
  const pod = readPodName(name, at.parent);
  if (pod !== null && found.claimedPod === null) {
    found.claimedPod = pod;
    // What came before is the node that the pod claims to run on.
    found.claimedContainer = null;
  }
  found.claimedContainer ??= readContainerName(name, at.parent, null);
}

function readUnits(name: string, found: Found, at: Position): void {
  if (!at.onSlices && !at.onUserSlices) return;
  if (name.endsWith('.slice')) return;
  const unit = readUnitName(name);
  if (at.onSlices) {
    found.unit = unit;
    at.onSlices = false;
    at.onUserSlices = unit?.startsWith('user@') === true && unit.endsWith('.service');
    return;
  }
  // The user manager itself runs in its `init.scope`.
  found.userUnit = unit === 'init.scope' ? null : unit;
  at.onUserSlices = false;
}

const isNamed = ({ container, podUid, byName }: Found) => podUid !== null || (container !== null && !byName);

function readingOf(path: string, found: Found): CgroupReading {
  const { byName } = found;
  const container = textOf(found.container);
  const isInside = (found.podUid !== null || container !== null) && !byName;
  const identity: CgroupIdentity = {
    containerId: container?.id ?? null,
    podUid: found.podUid,
    runtime: container?.runtime ?? null,
    qos: found.qos,
    // Whoever filters by tags does not see that the id is only claimed.
    tags: tagsOf(found.podUid, byName ? null : (container?.id ?? null), found.qos),
    unit: isInside || found.unit === null ? null : readableText(found.unit),
    ...(isInside || found.userUnit === null ? {} : { userUnit: readableText(found.userUnit) }),
    ...claimOf(found),
  };
  return { path, identity, byName, rank: rankOf(identity, byName) };
}

const textOf = (container: ContainerName | null) =>
  container === null ? null : { ...container, id: readableText(container.id) };

function claimOf({ claimedPod, claimedContainer }: Found): { claim?: Claim } {
  if (claimedPod === null && claimedContainer === null) return {};
  const container = textOf(claimedContainer);
  return {
    claim: {
      podUid: claimedPod?.uid ?? null,
      containerId: container?.id ?? null,
      runtime: container?.runtime ?? null,
      qos: claimedPod?.qos ?? null,
    },
  };
}

/** What is compared first stands in the highest bits: what is believed beats what is only claimed. */
function rankOf(identity: CgroupIdentity, byName: boolean): number {
  const bit = (is: boolean, place: number) => (is ? 1 << place : 0);
  const container = identity.containerId !== null && !byName;
  const pod = identity.podUid !== null;
  return (
    bit(container && pod, 7) |
    bit(container, 6) |
    bit(pod, 5) |
    bit(byName, 4) |
    bit(identity.unit !== null, 3) |
    bit(identity.runtime !== null, 2) |
    bit(identity.qos !== null, 1) |
    bit(identity.claim !== undefined, 0)
  );
}

/** `k8s_pod:`, `container:` and `cgroup:`, the latter one name per class, whichever cgroup driver and root a kubelet has. */
export function tagsOf(podUid: string | null, containerId: string | null, qos: QosClass | null): string[] {
  const tags: string[] = [];
  if (podUid !== null) tags.push(`k8s_pod:${podUid}`);
  if (containerId !== null) tags.push(`container:${containerId.slice(0, 12)}`);
  if (qos !== null) tags.push(qos === 'guaranteed' ? 'cgroup:kubepods' : `cgroup:kubepods-${qos}`);
  return tags;
}

/** The reading of a path that says nothing. */
export const NOTHING: CgroupReading = {
  path: '',
  identity: { containerId: null, podUid: null, runtime: null, qos: null, tags: [], unit: null },
  byName: false,
  rank: 0,
};

/**
 * The directories around a path's own place: those of its containers but the last, and that in which the kubelet of its pod
 * made `kubepods`. They are no boundary for an agent that runs in the path: whoever starts agents made them.
 */
export function rootsAround(path: string): string[] {
  const roots: string[] = [];
  let parent = '';
  let kubelet: string | null = null;
  let lastContainer: string | null = null;
  let end = 0;
  for (const name of path.split('/')) {
    const above = path.slice(0, Math.max(0, end - 1));
    end += name.length + 1;
    if (name === '') continue;
    if (lastContainer !== null) roots.push(lastContainer);
    lastContainer = null;
    const pod = readPodName(name, parent);
    // `slice:runtime:id` is the kubelet's tree in one name.
    if (isKubeletGroup(name) && kubelet === null) kubelet = above;
    if (pod !== null) {
      roots.push(kubelet ?? above);
      kubelet = null;
    }
    if (readContainerName(name, parent, null) !== null) lastContainer = path.slice(0, end - 1);
    parent = name;
  }
  return roots.filter((root) => root !== '');
}
