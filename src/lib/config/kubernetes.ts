// The Kubernetes API.
import { z } from 'zod';
import { cgroupRoot, labelName, list, optional, path } from './values.ts';

export const kubernetes = z.strictObject({
  api: path
    .default('auto')
    .describe(
      'the Kubernetes API, for names and workloads: `in-cluster`, the path of a kubeconfig file, `off`; `auto`: in-cluster where the agent runs in a pod',
    ),
  context: optional(z.string().max(253))
    .default(null)
    .describe('context of the kubeconfig file instead of its current one'),
  labels: list(labelName)
    .default(['app', 'app.kubernetes.io/*', 'k8s-app', 'version'])
    .describe('which labels of pods are kept: names, or beginnings with a `*` at the end; `*` is all'),
  annotations: list(labelName).default([]).describe('which annotations of pods are kept, likewise'),
  cgroup_roots: list(cgroupRoot)
    .default([])
    .describe(
      "cgroup directories below which names of pods and containers are believed as at the root: a kubelet's `--cgroup-root`, nodes that are containers (kind: `/docker/*`), services with containers of their own; `*` is any part of one name (docs/attribution.md)",
    ),
});
