// What an installation of the webhook consists of, and the pods that it is tried with.
import { AGENT_IMAGE } from './sidecar-image.ts';

export const NAMESPACE = 'linnix-observability';
export const NAME = 'cognitod-admission';
const LABELS = { app: NAME };

/** As the chart makes it; docs/sidecar.md has the same. */
export function installation(sidecarImage: string): object[] {
  const meta = (name: string) => ({ name, namespace: NAMESPACE, labels: LABELS });
  const cluster = (name: string) => ({ name, labels: LABELS });
  const account = { kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: cluster(NAMESPACE) },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(NAME) },
    { apiVersion: 'v1', kind: 'Secret', metadata: meta(`${NAME}-tls`), type: 'Opaque' },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: cluster(NAME),
      rules: [
        { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
        {
          apiGroups: ['admissionregistration.k8s.io'],
          resources: ['mutatingwebhookconfigurations'],
          resourceNames: [NAME],
          verbs: ['get', 'patch'],
        },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: cluster(NAME),
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: NAME },
      subjects: [account],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: meta(NAME),
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: [`${NAME}-tls`], verbs: ['get', 'patch'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: meta(NAME),
      roleRef: { apiGroup: rbac, kind: 'Role', name: NAME },
      subjects: [account],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(NAME),
      spec: { selector: LABELS, ports: [{ port: 443, targetPort: 8443 }] },
    },
    deployment(sidecarImage),
    webhookConfiguration(),
  ];
}

function deployment(sidecarImage: string): object {
  const container = {
    name: 'admission',
    image: AGENT_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    args: [
      'admission',
      '--json',
      '--ops-listen=0.0.0.0:9464',
      `--image=${sidecarImage}`,
      `--service=${NAME}`,
      `--namespace=${NAMESPACE}`,
      `--secret=${NAME}-tls`,
      `--webhook=${NAME}`,
    ],
    readinessProbe: { httpGet: { path: '/readyz', port: 9464 }, periodSeconds: 1 },
    livenessProbe: { httpGet: { path: '/healthz', port: 9464 } },
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '192Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      replicas: 2,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: { serviceAccountName: NAME, enableServiceLinks: false, containers: [container] },
      },
    },
  };
}

function webhookConfiguration(): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: NAME, labels: LABELS },
    webhooks: [
      {
        name: 'inject.sidecar.linnix.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        timeoutSeconds: 2,
        reinvocationPolicy: 'IfNeeded',
        clientConfig: { service: { name: NAME, namespace: NAMESPACE, path: '/mutate', port: 443 } },
        namespaceSelector: {
          matchExpressions: [
            {
              key: 'kubernetes.io/metadata.name',
              operator: 'NotIn',
              values: ['kube-system', 'kube-public', 'kube-node-lease', NAMESPACE],
            },
          ],
        },
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['pods'],
            scope: 'Namespaced',
          },
        ],
      },
    ],
  };
}

export interface TestPod {
  readonly name: string;
  readonly inject?: 'true' | 'false';
  /** Whether others may read the metrics of its sidecar. */
  readonly metrics?: boolean;
  readonly spec?: object;
  readonly command?: readonly string[];
}

/** Its process can be told from those of any other pod by the last argument. */
export function testPod(namespace: string, image: string, pod: TestPod): object {
  const { name, inject, metrics, spec, command } = pod;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      annotations: {
        ...(inject === undefined ? {} : { 'sidecar.linnix.io/inject': inject }),
        ...(metrics === true ? { 'sidecar.linnix.io/metrics': 'true' } : {}),
      },
    },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'app',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: command ?? ['/bin/sh', '-c', 'while :; do sleep 1000; done', `mark-${name}`],
        },
      ],
      ...spec,
    },
  };
}
