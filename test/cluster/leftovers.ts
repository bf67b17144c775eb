// What a release leaves behind when it is uninstalled: in the cluster, in the kernel, in the runtime and on the node's disk.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NAMESPACE } from '../../scripts/helm.ts';
import type { Cluster } from './cluster.ts';
import type { Release } from './release.ts';

/** Made by controllers for any namespace, or gone by themselves after an hour. */
const OF_ANY_NAMESPACE =
  /^(serviceaccount\/default|secret\/default-token-\w+|configmap\/kube-root-ca\.crt|event.*)$/;
/** Where a program of ours could keep something on a node. */
const FOLDERS = ['/run/cognitod', '/var/lib/cognitod', '/etc/cognitod', '/var/log/cognitod'];
/** A kubelet of 1.20 may report the end of a pod minutes after its containers are gone. */
const TIMEOUT_MS = 180_000;
const PAUSE_MS = 500;

export class Leftovers {
  readonly #cluster: Cluster;
  readonly #release: Release;
  readonly #pods = new Set<string>();
  readonly #pins: ReadonlySet<string>;
  readonly #folders: readonly string[];

  /** Before anything is installed: what is there already is not the release's. */
  constructor(cluster: Cluster, release: Release) {
    this.#cluster = cluster;
    this.#release = release;
    this.#pins = new Set(pinnedObjects());
    this.#folders = FOLDERS.filter((folder) => !existsSync(folder));
  }

  /** While it runs: the uids of its pods, by which the node knows them. */
  async remember(): Promise<void> {
    const uids = await this.#release.kubectl(['get', 'pods', '--output=jsonpath={.items[*].metadata.uid}']);
    for (const uid of uids.split(' ')) if (uid !== '') this.#pods.add(uid);
  }

  /** After it was removed, when what goes by itself has gone; how much was looked at, or what is left. */
  async find(): Promise<string | string[]> {
    for (const end = Date.now() + TIMEOUT_MS; ; await sleep(PAUSE_MS)) {
      const node = this.#onNode();
      if (node.length > 0 && Date.now() < end) continue;
      const left = [...node, ...(await this.#inCluster())];
      if (left.length > 0 && Date.now() < end) continue;
      if (left.length > 0) return left;
      const count = this.#pods.size;
      this.#pods.clear();
      return `of ${count} pods no object, certificate, webhook, cgroup, container, volume, pinned object or file`;
    }
  }

  #onNode(): string[] {
    const { state, criSocket } = this.#cluster;
    const pods = [...this.#pods];
    const isOurs = (path: string) => pods.some((uid) => path.includes(uid));
    // A kubelet of 1.20 leaves the empty cgroup of every pod, whosever it was, where v2 is beside v1.
    const groups = cgroupsOf(state).filter((path) => isOurs(path) && !/\/unified\/.*\/pod[^/]+$/.test(path));
    const pins = pinnedObjects().filter((path) => !this.#pins.has(path));
    const folders = this.#folders.filter((folder) => existsSync(folder));
    const volumes =
      state === null ? [] : readdirSync(join(state, 'kubelet/pods')).filter((name) => isOurs(name));
    const containers = execFileSync('ctr', ['-a', criSocket!, '-n', 'k8s.io', 'container', 'ls'], {
      encoding: 'utf8',
    })
      .split('\n')
      .filter((line) => line.includes('/cognitod:'));
    return [...groups, ...pins, ...folders, ...volumes.map((name) => `volumes of ${name}`), ...containers];
  }

  /** Whatever bears our name in any kind and namespace, whatever is labelled as ours, and all else in our namespace. */
  async #inCluster(): Promise<string[]> {
    const labelled = await this.#release.objects();
    const kinds = (await this.#release.kubectl(['api-resources', '--verbs=list', '--output=name'])).trim();
    const asked = kinds.split('\n').filter((kind) => !/^events/.test(kind));
    const template = '{range .items[*]}{.kind}/{.metadata.name} {.metadata.namespace}{"\\n"}{end}';
    const text = await this.#release.kubectl([
      'get',
      asked.join(','),
      '--all-namespaces',
      `--output=jsonpath=${template}`,
    ]);
    const left = text.split('\n').flatMap((line) => {
      const [object = '', namespace = ''] = line.split(' ');
      if (object === '' || object === `Namespace/${NAMESPACE}`) return [];
      const isOurs = namespace === NAMESPACE && !OF_ANY_NAMESPACE.test(object.toLowerCase());
      return isOurs || /cognitod/i.test(object) ? [`${object} in ${namespace || 'the cluster'}`] : [];
    });
    return [...new Set([...labelled, ...left])];
  }
}

/** Files of every BPF file system of the machine. */
function pinnedObjects(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - bpf /.test(line))
    .map((line) => line.split(' ')[4]!);
  return mounts.flatMap((mount) =>
    readdirSync(mount, { recursive: true, encoding: 'utf8' }).map((path) => join(mount, path)),
  );
}

/** Of the kubelet's own root, in every hierarchy; of another's cluster all. */
function cgroupsOf(state: string | null): string[] {
  const root = state === null ? '.' : readFileSync(join(state, 'netns'), 'utf8').trim();
  return readdirSync('/sys/fs/cgroup').flatMap((hierarchy) => {
    const folder = join('/sys/fs/cgroup', hierarchy, root);
    try {
      return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name));
    } catch {
      // No folder, or one that went away meanwhile: then it is looked at again.
      return [];
    }
  });
}
