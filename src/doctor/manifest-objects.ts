// The objects of the manifest of one node. Comments are for who reviews it: each says what is lost without the line.
import { type Config, VERSION } from '../lib/index.ts';
import type { NodeFacts } from './node-facts.ts';

/** The user of the image, who has its file capabilities. */
const USER = 65_532;
const BTF_MOUNT = '/etc/cognitod/vmlinux.btf';

/** A mount with its volume, a line each; and the variable that tells the agent of it, where it does not find it by itself. */
interface Mount {
  readonly name: string;
  readonly why: readonly string[];
  readonly hostPath: string;
  readonly type: 'Directory' | 'File' | 'Socket';
  readonly mountPath: string;
  readonly variable: string | null;
}

/** YAML. */
export function daemonSet(config: Config, facts: NodeFacts): string {
  const asksApi = config.kubernetes.api !== 'off';
  const mounts = mountsOf(config, facts, asksApi);
  const socket = mounts.find(({ type }) => type === 'Socket') === undefined ? null : facts.socket;
  const root = needsRoot(facts, socket !== null);
  return [
    NAMESPACE,
    serviceAccount(asksApi),
    ...(asksApi ? [RIGHTS] : []),
    [
      ...HEAD,
      ...pod(facts, asksApi, root === null && socket !== null ? socket.gid : null),
      ...container(mounts),
      ...security(facts, root),
      ...mountLines(mounts),
      ...hint(facts, socket === null),
      ...volumeLines(mounts),
    ].join('\n'),
  ]
    .join('\n---\n')
    .concat('\n');
}

function mountsOf(config: Config, facts: NodeFacts, asksApi: boolean): Mount[] {
  const mounts: Mount[] = [];
  if (facts.hidepid === null)
    mounts.push({
      name: 'proc',
      why: [
        "The node's processes, read-only. Instead of hostPID: from there the agent could also see the node's processes as",
        'its own neighbours. With hostPID, starts of older processes are exact instead of to 10 ms.',
      ],
      hostPath: '/proc',
      type: 'Directory',
      mountPath: '/host/proc',
      variable: 'COGNITOD_PROC_ROOT',
    });
  if (facts.btfFile !== null)
    mounts.push({
      name: 'btf',
      why: ['Types of exactly this kernel, which has none of its own. Without: polling.'],
      hostPath: facts.btfFile.path,
      type: 'File',
      mountPath: BTF_MOUNT,
      variable: 'COGNITOD_KERNEL_BTF',
    });
  if (facts.lockdown === 'confidentiality')
    mounts.push({
      name: 'cgroups',
      why: ['Names of cgroups: this kernel is locked down, so that programs cannot read them.'],
      hostPath: '/sys/fs/cgroup',
      type: 'Directory',
      mountPath: '/host/cgroup',
      variable: null,
    });
  const wanted = !asksApi || !['auto', 'off'].includes(config.runtime.cri);
  if (facts.socket !== null && wanted)
    mounts.push({
      name: 'runtime',
      why: ['Names of pods and containers. Whoever may use this socket rules the node.'],
      hostPath: facts.socket.path,
      type: 'Socket',
      mountPath: facts.socket.path,
      variable: 'COGNITOD_RUNTIME_CRI',
    });
  return mounts;
}

/** Why uid 0 is needed; null when it is not. */
function needsRoot({ btfFile, socket }: NodeFacts, usesSocket: boolean): string | null {
  if (btfFile !== null && !btfFile.forAll) return `only root may read ${btfFile.path}`;
  if (usesSocket && socket?.groupMay === false) return `only root may use ${socket.path}`;
  return null;
}

const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: linnix-observability
  labels:
    # hostPath and hostPID are in no other level.
    pod-security.kubernetes.io/enforce: privileged`;

const serviceAccount = (asksApi: boolean) => `apiVersion: v1
kind: ServiceAccount
metadata:
  name: cognitod
  namespace: linnix-observability
# ${asksApi ? 'The pods that ask the API say so themselves.' : 'The API is not asked (kubernetes.api: off).'}
automountServiceAccountToken: false`;

const RIGHTS = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: cognitod
rules:
  # Names of this node's pods; the API cannot limit it to a node. Without: pod uids and container ids only.
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
  # Which Deployment a ReplicaSet, which CronJob a Job, and which DeploymentConfig a ReplicationController belongs to.
  - apiGroups: [apps]
    resources: [replicasets]
    verbs: [get]
  - apiGroups: [batch]
    resources: [jobs]
    verbs: [get]
  - apiGroups: [""]
    resources: [replicationcontrollers]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: cognitod
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: cognitod
subjects:
  - kind: ServiceAccount
    name: cognitod
    namespace: linnix-observability`;

const HEAD = [
  'apiVersion: apps/v1',
  'kind: DaemonSet',
  'metadata:',
  '  name: cognitod',
  '  namespace: linnix-observability',
  'spec:',
  '  selector:',
  '    matchLabels:',
  '      app.kubernetes.io/name: cognitod',
  '  template:',
  '    metadata:',
  '      labels:',
  '        app.kubernetes.io/name: cognitod',
  '    spec:',
];

function pod({ hidepid }: NodeFacts, asksApi: boolean, group: number | null): string[] {
  return [
    '      serviceAccountName: cognitod',
    `      automountServiceAccountToken: ${asksApi}`,
    ...(hidepid === null
      ? ['      hostPID: false']
      : [
          `      # The node's processes: its own /proc is mounted with hidepid=${hidepid}, which would hide them from a user that`,
          '      # is not root; the /proc of a container in its pid namespace is not.',
          '      hostPID: true',
        ]),
    ...(asksApi || group !== null ? ['      securityContext:'] : []),
    ...(asksApi
      ? ["        # The service account's token is readable for this group.", `        fsGroup: ${USER}`]
      : []),
    ...(group === null
      ? []
      : ["        # The group of the runtime's socket.", `        supplementalGroups: [${group}]`]),
  ];
}

function container(mounts: readonly Mount[]): string[] {
  return [
    '      containers:',
    '        - name: cognitod',
    `          image: ghcr.io/linnix-os/cognitod:${VERSION}`,
    '          args: [agent, --json]',
    '          env:',
    '            - name: COGNITOD_NODE_NAME',
    '              valueFrom:',
    '                fieldRef:',
    '                  fieldPath: spec.nodeName',
    ...variable('COGNITOD_OPS_LISTEN', '0.0.0.0:9464'),
    ...variable('COGNITOD_EVENTS_PRINT', '"false"'),
    ...mounts.flatMap(({ variable: name, mountPath }) => (name === null ? [] : variable(name, mountPath))),
    ...(mounts.some(({ type }) => type === 'Socket') ? [] : variable('COGNITOD_RUNTIME_CRI', '"off"')),
    '          ports:',
    '            - name: ops',
    '              containerPort: 9464',
    '          livenessProbe:',
    '            httpGet: { path: /healthz, port: ops }',
    '            initialDelaySeconds: 30',
    '          readinessProbe:',
    '            httpGet: { path: /readyz, port: ops }',
    '          resources:',
    '            requests: { cpu: 50m, memory: 128Mi }',
    '            limits: { memory: 512Mi }',
  ];
}

const variable = (name: string, value: string) => [
  `            - name: ${name}`,
  `              value: ${value}`,
];

function security(facts: NodeFacts, root: string | null): string[] {
  const user =
    root === null
      ? [
          `            # The capabilities below are the program's (file capabilities of the image): root is not needed.`,
          `            runAsUser: ${USER}`,
          `            runAsGroup: ${USER}`,
          '            runAsNonRoot: true',
        ]
      : [`            # Root, for ${root}.`, '            runAsUser: 0'];
  const seccomp = facts.seccomp
    ? ['            seccompProfile:', '              type: RuntimeDefault']
    : ['            # No seccompProfile: this kernel has no seccomp, and the container would not start.'];
  return [
    '          securityContext:',
    ...user,
    '            privileged: false',
    '            allowPrivilegeEscalation: false',
    '            readOnlyRootFilesystem: true',
    ...seccomp,
    ...modules(facts),
    '            capabilities:',
    '              drop: [ALL]',
    '              # Left out: SYS_PTRACE (executables of processes older than the agent), SETPCAP (an empty bounding set).',
    '              add:',
    `                # Make maps and the ring buffer, load programs. ${facts.readsNeedBpf ? 'Kept: before Linux 5.19 each read needs it too.' : 'Given up within a second.'}`,
    '                - BPF',
    "                # Programs that look into the kernel's records of processes; attach them. Given up within a second.",
    '                - PERFMON',
  ];
}

function modules({ modules: names, selinuxEnforces }: NodeFacts): string[] {
  if (selinuxEnforces)
    return [
      '            # SELinux enforces, and container_t may not use BPF. Narrower: the module of deploy/profiles/selinux, and its',
      '            # type cognitod_container_t here.',
      '            seLinuxOptions:',
      '              type: spc_t',
    ];
  if (names?.includes('apparmor') === true)
    return [
      "            # AppArmor: the runtime's default profile stays, it does not hinder; deploy/profiles has a narrower one.",
    ];
  return [];
}

const mountLines = (mounts: readonly Mount[]) =>
  mounts.length === 0
    ? []
    : [
        '          volumeMounts:',
        ...mounts.flatMap(({ name, why, mountPath }) => [
          ...why.map((line) => `            # ${line}`),
          `            - name: ${name}`,
          `              mountPath: ${mountPath}`,
          '              readOnly: true',
        ]),
      ];

/** Left out where the API tells the names: it is the greatest privilege of all. */
function hint({ socket }: NodeFacts, isLeftOut: boolean): string[] {
  if (socket === null || !isLeftOut) return [];
  return [
    `            # Left out: ${socket.path}. With it names are known some seconds sooner, but whoever may use it rules the node.`,
    `            # To have it: doctor --manifest with COGNITOD_RUNTIME_CRI=${socket.path}`,
  ];
}

const volumeLines = (mounts: readonly Mount[]) =>
  mounts.length === 0
    ? []
    : [
        '      volumes:',
        ...mounts.flatMap(({ name, hostPath, type }) => [
          `        - name: ${name}`,
          '          hostPath:',
          `            path: ${hostPath}`,
          `            type: ${type}`,
        ]),
      ];
