// What one directory name of a cgroup path says: a pod, a container, a systemd unit, or nothing.
//
// Names are raw text, one character for each byte (`rawText` of src/decode): their makers may choose any bytes but `/`,
// NUL and newline. Whether a name is to be believed depends on the place: cgroup-ground.ts.
import type { QosClass } from './identity.ts';

/** A pod as named by one directory. `qos` is null where the level that says it is not in the path. */
export interface PodName {
  /** In the API's form: with hyphens. */
  readonly uid: string;
  readonly qos: QosClass | null;
}

/** A container as named by one directory. `runtime` is null where the name does not tell. */
export interface ContainerName {
  /** Raw text. */
  readonly id: string;
  readonly runtime: string | null;
  /** Only a runtime that serves a kubelet makes such a name, and only in a pod. */
  readonly onlyInPods?: boolean;
}

/** A directory that owns all containers below it and gives their ids a form of its own. */
export type Manager = 'ecs' | 'garden';

/** NAME_MAX: no directory has a longer name, so a longer one is not examined. */
export const NAME_MAX = 255;

// Every pattern is anchored and has fixed or disjoint parts: none can backtrack.
const CONTAINER_ID = /^[0-9a-f]{64}$/i;
const CONFIG_HASH = /^[0-9a-f]{32}$/i;
/** systemd turns the hyphens of the uid into underscores, for hyphens nest slices (kubelet, `escapeSystemdCgroupName`). */
const UUID = /^[0-9a-f]{8}([-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}$/i;
/** Fargate since 1.4: the task's id and a number. */
const ECS_ID = /^[0-9a-f]{32}-[0-9]{1,20}$/i;
/** Garden's handle: a uuid cut after 28 characters; Concourse keeps all of it. */
const GARDEN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){4}$/i;
/** libvirt's machine names: driver, domain number, domain name. */
const LIBVIRT_MACHINE = /^(qemu|ch|lxc)-[0-9]+-(.+)$/;

/** By the prefix that a runtime puts before the id. A Map: the names come from outside. */
const RUNTIME_BY_PREFIX: ReadonlyMap<string, string> = new Map([
  ['cri-containerd', 'containerd'],
  ['containerd', 'containerd'],
  ['nerdctl', 'containerd'],
  ['crio', 'crio'],
  ['docker', 'docker'],
  ['libpod', 'podman'],
  // `--cgroups=split`: the container below the service that started podman.
  ['libpod-payload', 'podman'],
]);

/** Those that only the runtime of a kubelet writes. */
const CRI_PREFIXES: ReadonlySet<string> = new Set(['cri-containerd', 'crio']);

/** A word of a prefix that marks a helper process beside the container that the id names. */
const HELPER_WORDS: ReadonlySet<string> = new Set(['conmon', 'shim']);

const UNIT_SUFFIX = /\.(?:service|scope|mount|socket|swap)$/;

function withoutSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

/** Undoes `unit_name_escape`: `\x2d` is a hyphen. */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A pod's uid in the API's form: a uuid, or the config hash of a static pod. Null for anything else. */
function podUid(text: string): string | null {
  if (text.length === 32) return CONFIG_HASH.test(text) ? text : null;
  return text.length === 36 && UUID.test(text) ? text.replaceAll('_', '-') : null;
}

/** The QoS class that a kubelet's slice stands for, below any `--cgroup-root`. Null: no slice of a kubelet. */
function qosOfSlice(slice: string): QosClass | null {
  const at = slice.lastIndexOf('kubepods');
  if (at < 0 || (at > 0 && slice[at - 1] !== '-')) return null;
  switch (slice.slice(at + 'kubepods'.length)) {
    case '':
      return 'guaranteed';
    case '-burstable':
      return 'burstable';
    case '-besteffort':
      return 'besteffort';
    default:
      return null;
  }
}

/** Whether a directory is the top of a kubelet's tree, or the level of a QoS class right below it. */
export function isKubeletGroup(name: string): boolean {
  return qosOfSlice(withoutSuffix(name, '.slice')) !== null;
}

function qosOfParent(parent: string): QosClass | null {
  if (parent === 'burstable' || parent === 'besteffort') return parent;
  return qosOfSlice(parent);
}

/**
 * The pod that a directory stands for.
 * cgroupfs driver: `pod<uid>`, the class from the parent directory (`burstable`, `besteffort`, or
 * `kubepods` itself). systemd driver: `[root-]kubepods[-class]-pod<uid with underscores>.slice`.
 * Of the literal form `slice:runtime:id` only the slice counts.
 */
export function readPodName(name: string, parent: string): PodName | null {
  const colon = name.indexOf(':');
  const base = withoutSuffix(colon < 0 ? name : name.slice(0, colon), '.slice');
  if (base.startsWith('pod')) {
    const uid = podUid(base.slice(3));
    return uid === null ? null : { uid, qos: qosOfParent(parent) };
  }
  for (const length of [36, 32]) {
    const at = base.length - length;
    if (at < 4 || !base.startsWith('-pod', at - 4)) continue;
    const uid = podUid(base.slice(at));
    const qos = qosOfSlice(base.slice(0, at - 4));
    if (uid !== null && qos !== null) return { uid, qos };
  }
  return null;
}

/**
 * The container that a directory stands for. An id is the whole name, or follows a runtime's prefix;
 * `.scope` may follow it and nothing else may: `<id>.service` is a healthcheck, `…<id>….mount` a mount.
 */
export function readContainerName(
  name: string,
  parent: string,
  manager: Manager | null,
): ContainerName | null {
  return readMachine(name, parent) ?? readLxc(name, parent) ?? readById(name, parent, manager);
}

function readById(name: string, parent: string, manager: Manager | null): ContainerName | null {
  if (ECS_ID.test(name)) return { id: name, runtime: 'ecs' };
  if (GARDEN_ID.test(name)) return { id: name, runtime: 'garden' };
  if (manager === 'garden' && UUID.test(name)) return { id: name, runtime: 'garden' };

  const scope = name.endsWith('.scope');
  const stem = scope ? name.slice(0, -6) : name;
  const id = stem.slice(-64);
  if (!CONTAINER_ID.test(id)) return null;
  if (stem.length === 64) {
    // Below libpod_parent a bare id is podman's pod: its containers carry the prefix.
    if (parent === 'libpod_parent') return null;
    return { id, runtime: parent === 'docker' ? 'docker' : manager };
  }

  const separator = stem[stem.length - 65];
  const front = stem.slice(0, -65);
  const colon = separator === ':' ? front.lastIndexOf(':') : -1;
  // runc without its systemd support makes `slice:prefix:id` one directory name.
  const literal = colon >= 0;
  // Kata's sandbox in its pod: `kata_<id>`.
  if (!literal && separator === '_' && front === 'kata') return { id, runtime: null };
  if (!literal && separator !== '-') return null;
  const prefix = literal ? front.slice(colon + 1) : front;
  const runtime = RUNTIME_BY_PREFIX.get(prefix);
  if (runtime !== undefined) return { id, runtime, onlyInPods: CRI_PREFIXES.has(prefix) };
  // An unknown prefix is a runtime's only where OCI runtimes put one: in a scope's name.
  if (!literal && !scope) return null;
  return prefix.split('-').some((word) => HELPER_WORDS.has(word)) ? null : { id, runtime: null };
}

/** nspawn's service template, and the scopes of systemd-machined, which libvirt uses for LXC and VMs too. */
function readMachine(name: string, parent: string): ContainerName | null {
  if (name.startsWith('systemd-nspawn@') && name.endsWith('.service')) {
    const id = unescapeUnit(name.slice(15, -8));
    return id === '' ? null : { id, runtime: 'nspawn' };
  }
  if (!name.startsWith('machine-') || !name.endsWith('.scope')) return null;
  if (parent !== 'machine.slice' && !(parent.startsWith('machine-') && parent.endsWith('.slice')))
    return null;
  const machine = unescapeUnit(name.slice(8, -6));
  const libvirt = LIBVIRT_MACHINE.exec(machine);
  // A virtual machine is no container. (One of systemd-vmspawn started by hand cannot be told apart.)
  if (libvirt !== null) return libvirt[1] === 'lxc' ? { id: libvirt[2]!, runtime: 'lxc' } : null;
  return machine === '' ? null : { id: machine, runtime: 'nspawn' };
}

/**
 * LXC, LXD, Incus: `lxc/<name>` (before 3.1), `lxc.payload/<name>`, `lxc.payload.<name>` (since 4.0).
 * `lxc.monitor…` and `lxc.pivot` hold the process that watches the container. LXD's `<project>_<name>`
 * stays whole: an underscore may also be part of a plain name.
 */
function readLxc(name: string, parent: string): ContainerName | null {
  let id = '';
  if (name.startsWith('lxc.payload.')) id = name.slice(12);
  else if (name.endsWith('.libvirt-lxc')) {
    const machine = name.slice(0, -12);
    id = LIBVIRT_MACHINE.exec(machine)?.[2] ?? machine;
  } else if (
    (parent === 'lxc' || parent === 'lxc.payload') &&
    !name.endsWith('.slice') &&
    !UNIT_SUFFIX.test(name)
  ) {
    id = name;
  }
  return id === '' ? null : { id, runtime: 'lxc' };
}

/**
 * nspawn's container by the directory of its payload, where nspawn makes the scope itself: `<name>.scope/payload` in
 * machine.slice (systemd 259). Its `supervisor` beside the payload is the host's.
 */
export function readPayload(name: string, parent: string, grandparent: string): ContainerName | null {
  if (name !== 'payload' || grandparent !== 'machine.slice' || !parent.endsWith('.scope')) return null;
  const id = unescapeUnit(parent.slice(0, -6));
  return id === '' ? null : { id, runtime: 'nspawn' };
}

/** The systemd unit that a directory belongs to; slices only group units and are none here. */
export function readUnitName(name: string): string | null {
  if (!UNIT_SUFFIX.test(name)) return null;
  // cg_escape: systemd puts `_` before names that clash with a controller's files.
  return name.startsWith('_') ? name.slice(1) : name;
}
