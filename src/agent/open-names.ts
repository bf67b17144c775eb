// Who names cgroups, containers and pods, as the configuration wants it.
import {
  CgroupRegistry,
  createProcReader,
  hasOwnCgroupNamespace,
  type Identity,
  MetadataStore,
  NameSearch,
} from '../identity/index.ts';
import type { Config, Tasks } from '../lib/index.ts';
import type { OpenedCollector } from './open-collector.ts';
import { openMetadataSources } from './open-metadata-sources.ts';
import { openOwnPod } from './open-own-pod.ts';

export interface Names {
  readonly registry: CgroupRegistry;
  readonly metadata: MetadataStore;
  readonly search: NameSearch;
  /** To be told of each cgroup that is new: asks for the names of a new pod before its first process. */
  expect(identity: Identity): void;
}

/** Nobody is asked yet. `warn` takes what a person should read once in the log. */
export function openNames(
  config: Config,
  kind: OpenedCollector['kind'],
  tasks: Tasks,
  warn: (text: string) => void,
): Names {
  const ownPod = openOwnPod(config, kind, warn);
  const ownPodSource = ownPod?.source(config.node_name) ?? null;
  const readProcCgroup = createProcReader(config.proc_root, 'cgroup');
  const registry = new CgroupRegistry({
    readProcCgroup,
    ownCgroupNamespace: hasOwnCgroupNamespace(config.proc_root),
    roots: config.kubernetes.cgroup_roots,
    ownPod,
    ownCgroup: ownPod === null ? null : readProcCgroup(process.pid),
  });
  const sources = [...openMetadataSources(config, warn), ...(ownPodSource === null ? [] : [ownPodSource])];
  const nowMs = () => performance.now();
  const metadata = new MetadataStore({
    sources,
    nowMs,
    retentionMs: config.metadata.retention_seconds * 1000,
    maxGone: config.metadata.max_gone,
    nodeName: config.node_name,
  });
  const readMounts = createProcReader(config.proc_root, 'mountinfo');
  const search = new NameSearch({ names: metadata, readMounts, nowMs, tasks });
  // Only the API tells which containers a pod may have.
  const asksApi = sources.some(({ name }) => name === 'kube-api');
  return {
    registry,
    metadata,
    search,
    expect(identity) {
      metadata.lookup(identity);
      if (asksApi) search.expect(identity);
    },
  };
}
