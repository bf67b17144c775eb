// The smallest manifest that works on this node, with a reason for each privilege.
import { VERSION, type Config } from '../lib/index.ts';
import type { Finding } from './check.ts';

interface Named extends Finding {
  readonly id: string;
}

/** Which of the three security models are possible here, and what each loses, in words. */
export function modelsOf(
  checks: readonly Named[],
): readonly { model: string; possible: boolean; why: string }[] {
  const bad = (id: string) => checks.find((check) => check.id === id && check.result === 'fail');
  // Without the capabilities a load that fails says nothing about the node.
  const refused = bad('capabilities') === undefined ? bad('load') : undefined;
  const kernelSide = bad('kernel') ?? bad('btf') ?? bad('lockdown') ?? refused;
  const loads = kernelSide === undefined;
  const reason = kernelSide === undefined ? '' : `: ${kernelSide.reason}`;
  const untried = checks.find(({ id }) => id === 'load');
  const tried =
    untried?.result === 'ok'
      ? 'the programs were loaded here'
      : `the programs were not loaded from here: ${untried?.reason ?? 'not tried'}`;
  return [
    { model: 'A privileged', possible: loads, why: loads ? `loses nothing; ${tried}` : `no BPF${reason}` },
    {
      model: 'B unprivileged',
      possible: loads,
      why: loads ? `loses the executables of processes older than the agent; ${tried}` : `no BPF${reason}`,
    },
    {
      model: 'C sidecar',
      possible: true,
      why: 'sees the processes of its own pod only, and short-lived ones not at all',
    },
  ];
}

/** YAML of model B where BPF can be had here; else the reason, as a comment. */
export function manifestOf(config: Config, checks: readonly Named[]): string {
  const models = modelsOf(checks);
  const comments = models.map(
    ({ model, possible, why }) => `# ${model}: ${possible ? 'possible' : 'NOT possible'}; ${why}`,
  );
  const head = [`# cognitod ${VERSION}, for a node like ${config.node_name}`, ...comments];
  if (models[1]?.possible !== true)
    return `${[...head, '# No agent for the whole node is possible here: use the sidecar (docs/sidecar.md).'].join('\n')}\n`;
  return `${head.join('\n')}\n${DAEMON_SET}`;
}

const DAEMON_SET = `apiVersion: v1
kind: Namespace
metadata:
  name: linnix-observability
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cognitod
  namespace: linnix-observability
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: cognitod
rules:
  # Names of pods and of what owns them. Without: pod uids and container ids only.
  - apiGroups: [""]
    resources: [pods]
    verbs: [get, list, watch]
  - apiGroups: [apps]
    resources: [replicasets]
    verbs: [get]
  - apiGroups: [batch]
    resources: [jobs]
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
    namespace: linnix-observability
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: cognitod
  namespace: linnix-observability
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: cognitod
  template:
    metadata:
      labels:
        app.kubernetes.io/name: cognitod
    spec:
      serviceAccountName: cognitod
      # The node's processes in /proc. Without, mount the host's /proc at /host/proc and set COGNITOD_PROC_ROOT.
      hostPID: true
      containers:
        - name: cognitod
          image: ghcr.io/linnix-os/cognitod:${VERSION}
          env:
            - name: COGNITOD_NODE_NAME
              valueFrom:
                fieldRef:
                  fieldPath: spec.nodeName
            - name: COGNITOD_OPS_LISTEN
              value: 0.0.0.0:9464
            - name: COGNITOD_EVENTS_PRINT
              value: "false"
          ports:
            - name: ops
              containerPort: 9464
          livenessProbe:
            httpGet: { path: /healthz, port: ops }
          readinessProbe:
            httpGet: { path: /readyz, port: ops }
          resources:
            requests: { cpu: 50m, memory: 128Mi }
            limits: { memory: 512Mi }
          securityContext:
            # Root in the container with two capabilities for less than a second; then nothing in any thread.
            runAsUser: 0
            privileged: false
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            seccompProfile: { type: RuntimeDefault }
            capabilities:
              drop: [ALL]
              # BPF: maps and programs. PERFMON: programs that read kernel memory. Without either: polling.
              # Left out: SYS_PTRACE (executables of processes older than the agent), SETPCAP (an empty bounding set).
              add: [BPF, PERFMON]
`;
