// Chooses who is asked for the names of pods and containers.
import {
  inClusterConnection,
  type KubeConnection,
  KubeSource,
  kubeconfigConnection,
  type MetadataSource,
  openRuntimeSources,
} from '../identity/index.ts';
import type { Config } from '../lib/index.ts';

/** Nothing is asked yet. `warn` takes what a person should read once in the log. */
export function openMetadataSources(config: Config, warn: (text: string) => void): MetadataSource[] {
  const { labels, annotations } = config.kubernetes;
  const { cri, docker, podman, host_root } = config.runtime;
  const connection = kubernetesConnection(config);
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

function kubernetesConnection({ kubernetes: { api, context } }: Config): KubeConnection | null {
  switch (api) {
    case 'off':
      return null;
    case 'auto':
      return process.env.KUBERNETES_SERVICE_HOST === undefined ? null : inClusterConnection();
    case 'in-cluster':
      return inClusterConnection();
    default:
      return kubeconfigConnection({ path: api, ...(context === null ? {} : { context }) });
  }
}
