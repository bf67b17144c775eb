// Pods of many shapes, as API servers send them in reviews.

export interface PodObject {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown>;
  spec: Record<string, unknown>;
}

export const ASKS = { 'sidecar.linnix.io/inject': 'true' } as const;

/** As the API server hands over the pod of a Deployment: defaulted, named by its ReplicaSet, with a token volume. */
export function aPod(spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): PodObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'web-5d6b7f9c4-',
      labels: { app: 'web', 'pod-template-hash': '5d6b7f9c4' },
      annotations: { ...ASKS },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'web-5d6b7f9c4',
          uid: '6f0b4f3a-4d0a-4bb1-9d5e-2f3f1d2a9c11',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      ...metadata,
    },
    spec: {
      volumes: [{ name: 'token', projected: { sources: [], defaultMode: 420 } }],
      containers: [aContainer('web')],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      securityContext: {},
      schedulerName: 'default-scheduler',
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      ...spec,
    },
  };
}

export function aContainer(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    image: 'registry.example/shop/web:1.4',
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    resources: {},
    volumeMounts: [
      { name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ],
    livenessProbe: { httpGet: { path: '/', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
    lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
    ...more,
  };
}

const both = { cpu: '500m', memory: '256Mi' };

/** Those that get the sidecar. */
export const SHAPES: Readonly<Record<string, PodObject>> = {
  'of a Deployment': aPod(),
  smallest: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'bare', annotations: { ...ASKS } },
    spec: { containers: [{ name: 'main', image: 'busybox' }] },
  },
  'with init containers': aPod({ initContainers: [aContainer('migrate'), aContainer('warm-up')] }),
  'with a native sidecar of its own': aPod({
    initContainers: [aContainer('proxy', { restartPolicy: 'Always' }), aContainer('migrate')],
  }),
  'with an empty list of init containers': aPod({ initContainers: [] }),
  'that shares its process namespace already': aPod({ shareProcessNamespace: true }),
  'on the network of the host': aPod({ hostNetwork: true }),
  'with the port of the sidecar': aPod({
    containers: [aContainer('web', { ports: [{ containerPort: 19_463 }] })],
  }),
  'without a token': aPod({ automountServiceAccountToken: false }),
  'whose metrics are asked for': aPod({}, { annotations: { ...ASKS, 'sidecar.linnix.io/metrics': 'true' } }),
  guaranteed: aPod({ containers: [aContainer('web', { resources: { limits: both, requests: both } })] }),
  'with a bound for all of it': aPod({ resources: { limits: both } }),
  'that must not run as root': aPod({ securityContext: { runAsNonRoot: true, runAsUser: 1000 } }),
  'with volumes and a command': aPod({
    volumes: [{ name: 'cache', emptyDir: { sizeLimit: '1Gi' } }],
    containers: [
      aContainer('web', {
        command: ['/app'],
        args: ['--serve'],
        volumeMounts: [{ name: 'cache', mountPath: '/c' }],
      }),
    ],
  }),
  'with an annotation of a sidecar that is gone': aPod(
    {},
    {
      annotations: { ...ASKS, 'sidecar.linnix.io/status': 'injected' },
    },
  ),
  'for Linux': aPod({ os: { name: 'linux' }, nodeSelector: { 'kubernetes.io/os': 'linux' } }),
  huge: aPod({
    containers: Array.from({ length: 50 }, (_, i) =>
      aContainer(`c${i}`, {
        env: Array.from({ length: 200 }, (_unused, j) => ({ name: `V${j}`, value: 'x'.repeat(100) })),
      }),
    ),
  }),
};

/** Those that ask and do not get it, by what becomes of them. */
export const REFUSED: Readonly<Record<string, PodObject>> = {
  'opted-out': aPod({}, { annotations: { 'sidecar.linnix.io/inject': 'false' } }),
  'unknown-annotation': aPod({}, { annotations: { 'sidecar.linnix.io/inject': 'yes' } }),
  'host-pid': aPod({ hostPID: true }),
  'separate-process-namespaces': aPod({ shareProcessNamespace: false }),
  windows: aPod({ os: { name: 'windows' } }),
  'windows by its node selector': aPod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
  'name-taken': aPod({ containers: [aContainer('web'), aContainer('cognitod-sidecar')] }),
  'static-pod of a node': aPod(
    {},
    { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }] },
  ),
  'static-pod by its mirror annotation': aPod(
    {},
    {
      annotations: { ...ASKS, 'kubernetes.io/config.mirror': '0a1b' },
    },
  ),
};

export interface ReviewOptions {
  readonly namespace?: string;
  readonly operation?: string;
  readonly dryRun?: boolean;
  readonly subResource?: string;
}

/** As the API server sends it. */
export function aReview(object: unknown, options: ReviewOptions = {}): Record<string, unknown> {
  const { namespace = 'shop', operation = 'CREATE', dryRun = false, subResource } = options;
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      ...(subResource === undefined ? {} : { subResource }),
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      namespace,
      operation,
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: [] },
      object,
      oldObject: null,
      dryRun,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
}
