// Chooses who is asked for the names of pods and containers.
import { chosenTarget, KubeSource, type MetadataSource, openRuntimeSources } from '../identity/index.ts';
import type { Config } from '../lib/index.ts';

/** Nothing is asked yet. `warn` takes what a person should read once in the log. */
export function openMetadataSources(config: Config, warn: (text: string) => void): MetadataSource[] {
  const { labels, annotations } = config.kubernetes;
  const { cri, docker, podman, host_root } = config.runtime;
  const target = chosenTarget(config.kubernetes);
  const common = { labels, annotations };
  return [
    ...(target === null ? [] : [new KubeSource({ ...common, target, nodeName: config.node_name, warn })]),
    ...openRuntimeSources({
      ...common,
      cri,
      docker,
      podman,
      ...(host_root === null ? {} : { hostRoot: host_root }),
    }),
  ];
}
