// The kinds of workload: what is made of each, and what its processes say of themselves.
import { type ContainerOptions, containerOf, type Ending } from './container.ts';
import type { MarkedKind, MarkTemplate } from './mark.ts';

export interface WorkloadContext {
  /** Begins the mark of every process of this run. */
  readonly run: string;
  readonly namespace: string;
  readonly node: string;
  readonly image: string;
  /** The group and version of CronJobs on this server. */
  readonly cronJobVersion: string;
}

/** What must have been seen of a workload before the run may end. */
export interface Workload {
  /** The line of the report; the label `suite-group` of its pods. */
  readonly group: string;
  readonly pods: number;
  /** How often each container of it must at least have been started. */
  readonly lives: number;
  readonly manifest: object;
}

export const GROUP_LABEL = 'suite-group';

/** Everything that is applied at once. */
export function workloads(context: WorkloadContext): Workload[] {
  const pod = podMaker(context);
  const meta = (name: string) => ({ name, namespace: context.namespace });
  const controlled = (kind: string, name: string, apiVersion: string, spec: object, ending: Ending) => ({
    apiVersion,
    kind,
    metadata: meta(name),
    spec: { ...spec, ...pod.template(name, { kind, name }, [{ name: 'main', ending }]) },
  });
  const selector = (group: string) => ({ selector: { matchLabels: { [GROUP_LABEL]: group } } });
  const bare = (name: string, parts: Part[], spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    ...pod.template(name, { kind: 'Pod', name }, parts, spec).template,
    metadata: { ...meta(name), labels: { [GROUP_LABEL]: name } },
  });
  const job = pod.template('job', { kind: 'Job', name: 'job' }, [{ name: 'main', ending: 'end' }], ONCE);
  const cronJob = pod.template(
    'cronjob',
    { kind: 'CronJob', name: 'cronjob' },
    [{ name: 'main', ending: 'end' }],
    ONCE,
  );
  const one = { pods: 1, lives: 1 };
  return [
    {
      ...one,
      group: 'cronjob',
      manifest: {
        apiVersion: context.cronJobVersion,
        kind: 'CronJob',
        metadata: meta('cronjob'),
        spec: { schedule: '* * * * *', jobTemplate: { spec: { backoffLimit: 0, ...cronJob } } },
      },
    },
    {
      group: 'crash-loop',
      pods: 1,
      lives: 3,
      manifest: bare('crash-loop', [{ name: 'main', ending: 'crash', restarts: true }], LIVES),
    },
    {
      group: 'out-of-memory',
      pods: 1,
      lives: 2,
      manifest: bare(
        'out-of-memory',
        [{ name: 'main', ending: 'out-of-memory', restarts: true, memory: '64Mi' }],
        LIVES,
      ),
    },
    {
      ...one,
      group: 'deployment',
      pods: 2,
      manifest: controlled(
        'Deployment',
        'deployment',
        'apps/v1',
        { replicas: 2, ...selector('deployment') },
        'wait',
      ),
    },
    {
      ...one,
      group: 'replicaset',
      manifest: controlled(
        'ReplicaSet',
        'replicaset',
        'apps/v1',
        { replicas: 1, ...selector('replicaset') },
        'wait',
      ),
    },
    {
      ...one,
      group: 'statefulset',
      pods: 2,
      manifest: controlled(
        'StatefulSet',
        'statefulset',
        'apps/v1',
        {
          replicas: 2,
          podManagementPolicy: 'Parallel',
          serviceName: 'statefulset',
          ...selector('statefulset'),
        },
        'wait',
      ),
    },
    {
      ...one,
      group: 'daemonset',
      manifest: controlled('DaemonSet', 'daemonset', 'apps/v1', selector('daemonset'), 'wait'),
    },
    {
      ...one,
      group: 'job',
      pods: 2,
      manifest: {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: meta('job'),
        spec: { completions: 2, parallelism: 2, backoffLimit: 0, ...job },
      },
    },
    { ...one, group: 'bare-pod', manifest: bare('bare-pod', [{ name: 'main', ending: 'wait' }]) },
    {
      ...one,
      group: 'four-containers',
      manifest: bare('four-containers', [
        { name: 'first-init', kind: 'init', ending: 'end' },
        { name: 'second-init', kind: 'init', ending: 'end' },
        { name: 'web', ending: 'wait' },
        { name: 'sidecar', ending: 'wait' },
      ]),
    },
  ];
}

/** A Deployment whose pod starts ten processes each half second, for ever. */
export function steadyWorkload(context: WorkloadContext, name: string): Workload {
  const labels = { matchLabels: { [GROUP_LABEL]: name } };
  const parts: Part[] = [{ name: 'main', ending: 'tick' }];
  const template = podMaker(context).template(name, { kind: 'Deployment', name }, parts);
  return {
    group: name,
    pods: 1,
    lives: 1,
    manifest: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: context.namespace },
      spec: { replicas: 1, selector: labels, ...template },
    },
  };
}

/** A bare pod for the moment after an outage. */
export function latePod(context: WorkloadContext, name: string): Workload {
  const parts: Part[] = [{ name: 'main', ending: 'wait' }];
  const { template } = podMaker(context).template(name, { kind: 'Pod', name }, parts);
  const metadata = { name, namespace: context.namespace, labels: { [GROUP_LABEL]: name } };
  return {
    group: name,
    pods: 1,
    lives: 1,
    manifest: { apiVersion: 'v1', kind: 'Pod', ...template, metadata },
  };
}

/** A pod for the kubelet's folder of manifests. Its name in the API ends in the node's. */
export function staticPod(context: WorkloadContext, name: string): Workload {
  const owner = { kind: 'Node', name: context.node };
  const { spec } = podMaker(context).template(name, owner, [{ name: 'main', ending: 'wait' }]).template;
  const metadata = { name, namespace: context.namespace, labels: { [GROUP_LABEL]: name } };
  const manifest = { apiVersion: 'v1', kind: 'Pod', metadata, spec };
  return { group: name, pods: 1, lives: 1, manifest };
}

interface Part extends Pick<ContainerOptions, 'ending' | 'restarts' | 'memory'> {
  readonly name: string;
  readonly kind?: MarkedKind;
}

const ONCE = { restartPolicy: 'Never' };
const LIVES = { volumes: [{ name: 'lives', emptyDir: {} }] };

function podMaker({ run, image, node }: WorkloadContext) {
  const container = (part: Part, mark: MarkTemplate) => containerOf({ run, image, ...part, mark });
  return {
    template(group: string, owner: { kind: string; name: string }, parts: Part[], spec: object = {}) {
      const made = (kind: MarkedKind) =>
        parts
          .filter((part) => (part.kind ?? 'app') === kind)
          .map((part) =>
            container(part, {
              group,
              container: part.name,
              kind,
              workloadKind: owner.kind,
              workloadName: owner.name,
            }),
          );
      return {
        template: {
          metadata: { labels: { [GROUP_LABEL]: group } },
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': node },
            tolerations: [{ operator: 'Exists' }],
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 1,
            ...spec,
            initContainers: made('init'),
            containers: made('app'),
          },
        },
      };
    },
  };
}
