// Chooses who is asked for the names of pods and containers.
import { chosenConnection, KubeSource, type MetadataSource, openRuntimeSources } from '../identity/index.ts';
import type { Config } from '../lib/index.ts';

/** Nothing is asked yet. `warn` takes what a person should read once in the log. */
export function openMetadataSources(config: Config, warn: (text: string) => void): MetadataSource[] {
  const { labels, annotations } = config.kubernetes;
  const { cri, docker, podman, host_root } = config.runtime;
  const connection = chosenConnection(config.kubernetes);
  const common = { labels, annotations };
  return [
    ...(connection === null
      ? []
      : [new KubeSource({ ...common, connection, nodeName: config.node_name, warn })]),
    ...openRuntimeSources({
      ...common,
      cri,
      docker,
      podman,
      ...(host_root === null ? {} : { hostRoot: host_root }),
    }),
  ];
}
