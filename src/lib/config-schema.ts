// The configuration: every key with its type, bounds, default and meaning. docs/configuration.md lists the same.
import { hostname } from 'node:os';
import { z } from 'zod';
import { parseListen } from './listen.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes as a number, or as text like `8MiB`. Null when it is neither. */
export function parseBytes(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
  if (typeof value !== 'string') return null;
  const match = /^(\d{1,15})\s*(KiB|MiB|GiB)?$/.exec(value.trim());
  return match === null ? null : Number(match[1]) * UNITS[match[2] ?? '']!;
}

/** From the environment every value is text. */
function integer(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  const read = (value: unknown) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return z.preprocess(read, z.int(message).min(min, message).max(max, message));
}

function bytes(min: number, max: number, powerOfTwo = false) {
  const message = `must be ${powerOfTwo ? 'a power of two ' : ''}from ${min} to ${max} bytes, as a number or like 8MiB`;
  return z.unknown().transform((value, context) => {
    const count = parseBytes(value);
    if (count !== null && count >= min && count <= max && (!powerOfTwo || Number.isInteger(Math.log2(count))))
      return count;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

const listen = z.unknown().transform((value, context) => {
  const address = typeof value === 'string' ? parseListen(value) : null;
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: 'must be host:port, e.g. 127.0.0.1:3000 or [::1]:3000' });
  return z.NEVER;
});

const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean('must be true or false'),
);
const list = (item: z.ZodType<string>) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').filter((part) => part !== '') : value),
    z.array(item, 'must be a list').max(1000),
  );
const argumentName = z
  .string('must be the name of an option or variable')
  .regex(/^-{0,2}[A-Za-z][\w.-]{0,63}$/, 'must be the name of an option or variable, like pin or --card-pin');
const pattern = z.string('must be a regular expression').superRefine((source, context) => {
  try {
    new RegExp(source);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no regular expression: ${(error as Error).message}` });
  }
});
const labelName = z
  .string('must be the name of a label')
  .regex(
    /^(?:[\w./-]{1,317}\*?|\*)$/,
    'must be the name of a label, like app or app.kubernetes.io/name, or a beginning like team/*',
  );
const quantity = z
  .string('must be a quantity of Kubernetes')
  .regex(/^\d+(?:\.\d+)?(?:m|k|M|G|Ki|Mi|Gi)?$/, 'must be a quantity of Kubernetes, like 100m or 64Mi');
const objectName = z
  .string('must be the name of a Kubernetes object')
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be the name of a Kubernetes object');
const cgroupRoot = z
  .string('must be the path of a cgroup')
  .regex(/^(?:\/[^/\n]{1,255}){1,32}\/?$/, 'must be the path of a cgroup, like /docker/* or /site.slice');
const path = z.string('must be a path').min(1, 'must be a path').max(4096);
const optional = <T extends z.ZodType>(type: T) =>
  z.preprocess((value) => (value === '' ? null : value), type.nullable());
const choice = <T extends string>(...values: T[]) =>
  z.enum(values as [T, ...T[]], `must be one of ${values.join(', ')}`);

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const configSchema = z.strictObject({
  collector: choice('auto', 'ebpf', 'procfs')
    .default('auto')
    .describe('how to watch: `ebpf`, `procfs` (polling), or `auto`: eBPF where it can be had'),
  node_name: z
    .string()
    .min(1)
    .max(253)
    .default(() => hostname())
    .describe('name of this node; in Kubernetes that of its Node object: set it from `spec.nodeName`'),
  proc_root: path.default('/proc').describe("where the host's procfs is mounted"),
  sys_root: path.default('/sys').describe("where the host's sysfs is mounted"),
  privileges: z
    .strictObject({
      drop: flag
        .default(true)
        .describe('whether every capability is given up once the programs are loaded, in every thread'),
      keep: list(choice('SYS_PTRACE'))
        .default([])
        .describe('capabilities to keep: `SYS_PTRACE` shows executables of processes older than the agent'),
      confine: flag
        .default(true)
        .describe(
          'whether the agent then forbids itself what it never does: a filter of system calls, and Landlock for what it writes and starts',
        ),
    })
    .prefault({}),
  kernel: z
    .strictObject({
      ring_bytes: bytes(4 * KIB, GIB, true)
        .default(8 * MIB)
        .describe('size of the ring buffer; a power of two'),
      argv_bytes: integer(64, 32 * KIB)
        .default(4096)
        .describe('how much of an argv is kept'),
      btf: optional(path).default(null).describe('BTF file for a kernel without its own'),
      hooks: choice('auto', 'tp_btf', 'raw_tp').default('auto').describe('kind of tracepoint'),
    })
    .prefault({}),
  model: z
    .strictObject({
      retention_seconds: integer(0, 86_400).default(300).describe('how long exited processes are kept'),
      max_exited: integer(0, 10_000_000).default(20_000).describe('how many exited processes are kept'),
      max_live: integer(100, 10_000_000).default(500_000).describe('how many live processes are kept'),
      max_places: integer(10, 1_000_000)
        .default(2000)
        .describe('how many pods are counted by themselves, and how many services; the rest together'),
      memory_bytes: bytes(MIB, 64 * GIB)
        .default(192 * MIB)
        .describe('budget of the process table'),
      heal_seconds: integer(1, 3600)
        .default(30)
        .describe("how often the table is compared with the kernel's list"),
    })
    .prefault({}),
  stream: z
    .strictObject({
      client_queue_bytes: bytes(64 * KIB, GIB)
        .default(32 * MIB)
        .describe('what may wait for one slow stream client'),
      total_queue_bytes: bytes(64 * KIB, 64 * GIB)
        .default(32 * MIB)
        .describe('what may wait for all stream clients together'),
      max_clients: integer(1, 10_000).default(256).describe('how many streams may be open; more are refused'),
      replay_events: integer(0, 10_000_000)
        .default(10_000)
        .describe('how many events are kept for clients that come back (docs/events.md)'),
      replay_bytes: bytes(0, 64 * GIB)
        .default(8 * MIB)
        .describe('memory of these events, and as much again for changes of the live list'),
      heartbeat_seconds: integer(1, 3600)
        .default(10)
        .describe('pause after which a stream shows that it lives'),
    })
    .prefault({}),
  api: z
    .strictObject({
      listen: listen
        .prefault('127.0.0.1:3000')
        .describe('address of the API; outside loopback it needs a token'),
      token_file: optional(path)
        .default(null)
        .describe('file with the token of who may look; it may change while the agent runs'),
      token: optional(z.string().max(4096)).default(null).describe('this token itself; a file is better'),
      admin_token_file: optional(path)
        .default(null)
        .describe('file with the token of who may do everything, likewise'),
      admin_token: optional(z.string().max(4096))
        .default(null)
        .describe('that token itself; a file is better'),
      socket: optional(path)
        .default(null)
        .describe('path of a Unix socket for the API too; root and the user of the agent may do everything'),
      rate_limit: integer(0, 1_000_000)
        .default(200)
        .describe('requests per second of one peer in the long run; 0: no limit'),
      rate_burst: integer(1, 1_000_000).default(400).describe('requests of one peer at once'),
      tls: z
        .strictObject({
          cert_file: optional(path)
            .default(null)
            .describe(
              'PEM file with the certificate and its chain: the API is https; it may change while the agent runs',
            ),
          key_file: optional(path).default(null).describe('PEM file with its private key'),
          client_ca_file: optional(path)
            .default(null)
            .describe('PEM file with the authorities of client certificates: who shows one may look'),
          admin_names: list(z.string('must be a name').min(1, 'must be a name').max(512))
            .default([])
            .describe('names (CN or alternative names) of client certificates that may do everything'),
        })
        .prefault({}),
      access_log: flag
        .default(true)
        .describe('a line in the log for each request: who, what, answer; no tokens, no values of queries'),
    })
    .prefault({}),
  ops: z
    .strictObject({
      listen: listen.prefault('127.0.0.1:9464').describe('address of /healthz, /readyz and /metrics'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      max_workloads: integer(0, 10_000)
        .default(500)
        .describe('workloads with series of their own; the rest is counted together'),
      max_units: integer(0, 10_000)
        .default(200)
        .describe(
          'systemd units with series of their own, those that differ only in a number or id as one; the rest is counted together',
        ),
      usage: flag
        .default(true)
        .describe('whether CPU and memory of all live processes are read at each scrape'),
    })
    .prefault({}),
  kubernetes: z
    .strictObject({
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
    })
    .prefault({}),
  runtime: z
    .strictObject({
      cri: path
        .default('auto')
        .describe(
          "containerd's or CRI-O's socket, for names; `auto`: where one is there at start, and in a pod; of several the runtime with the most running containers; `off`",
        ),
      docker: path
        .default('auto')
        .describe("Docker's socket, likewise; `auto`: where it is there at start, but not in a pod"),
      podman: path.default('auto').describe("podman's socket, likewise"),
      host_root: optional(path)
        .default(null)
        .describe("where the host's file system is mounted, to find the sockets of `auto`"),
    })
    .prefault({}),
  metadata: z
    .strictObject({
      hold_ms: integer(0, 10_000)
        .default(500)
        .describe('how long an event waits for the name of a new pod before it goes out without'),
      max_held: integer(0, 1_000_000).default(20_000).describe('how many events may wait'),
      retention_seconds: integer(0, 86_400)
        .default(600)
        .describe('how long pods that are gone keep their names'),
      max_gone: integer(0, 100_000).default(2000).describe('how many pods that are gone keep their names'),
    })
    .prefault({}),
  evidence: z
    .strictObject({
      directory: optional(path)
        .default(null)
        .describe('where the records for auditors are kept (docs/evidence.md); none: in memory'),
      key_file: optional(path)
        .default(null)
        .describe(
          'PEM file with the Ed25519 key that signs them; none: `evidence.key` in that directory, made at the first start',
        ),
      anchor_events: flag
        .default(false)
        .describe(
          'whether the hash of each record also goes out as an event of Kubernetes, in the namespace of the agent',
        ),
      cluster_policies: flag
        .default(false)
        .describe('whether roles, bindings and network policies are read into the records'),
      cluster_roles: list(objectName)
        .default([])
        .describe('cluster roles, and their bindings of the same name, to read with them'),
      retention_days: integer(1, 4000).default(400).describe('about how many daily records are kept'),
    })
    .prefault({}),
  secrets: z
    .strictObject({
      mask: flag.default(true).describe('mask secrets in arguments (docs/secrets.md)'),
      extra_arguments: list(argumentName)
        .default([])
        .describe('further names of options whose value is a secret'),
      extra_patterns: list(pattern)
        .default([])
        .describe('further regular expressions of secrets; group 1, or all, is masked'),
    })
    .prefault({}),
  pod: z
    .strictObject({
      uid: optional(z.string().regex(/^[0-9a-f-]{16,64}$/, 'must be the uid of a pod'))
        .default(null)
        .describe('in a sidecar: its pod, from `metadata.uid`; whatever it sees is of this pod'),
      name: optional(z.string().min(1).max(253))
        .default(null)
        .describe("that pod's name, from `metadata.name`"),
      namespace: optional(z.string().min(1).max(63))
        .default(null)
        .describe("that pod's namespace, from `metadata.namespace`"),
    })
    .prefault({}),
  procfs: z
    .strictObject({
      interval_ms: integer(10, 60_000)
        .default(100)
        .describe('pause between two looks of the procfs collector'),
    })
    .prefault({}),
  admission: z
    .strictObject({
      listen: listen.prefault('0.0.0.0:8443').describe('address of the webhook of `cognitod admission`'),
      image: z
        .string('must be an image')
        .min(1, 'must be an image')
        .max(1024)
        .default('ghcr.io/linnix-os/cognitod:sidecar')
        .describe('the image that is injected'),
      image_pull_policy: choice('IfNotPresent', 'Always', 'Never')
        .default('IfNotPresent')
        .describe('when nodes pull it'),
      native: choice('auto', 'on', 'off')
        .default('auto')
        .describe(
          'whether the sidecar is a restartable init container; `auto`: where the API server and every kubelet are 1.29 or newer',
        ),
      ptrace: flag
        .default(true)
        .describe('whether the sidecar is given `SYS_PTRACE` where the namespace and the pod allow it'),
      pod_security_default: choice('privileged', 'baseline', 'restricted')
        .default('privileged')
        .describe(
          'Pod Security level that the API server enforces in namespaces without a label of their own; other than `privileged`: no `SYS_PTRACE` there',
        ),
      cpu_request: quantity.default('20m').describe('what the sidecar requests'),
      cpu_limit: quantity.default('200m').describe('most CPU that it may use'),
      memory_request: quantity.default('96Mi').describe('what it requests'),
      memory_limit: quantity.default('192Mi').describe('most memory that it may use'),
      api_port: integer(0, 65_535)
        .default(19_463)
        .describe('loopback port of its API in the network of the pod; 0 lets the kernel choose'),
      ops_port: integer(0, 65_535).default(19_464).describe('loopback port of its operations listener'),
      namespace: optional(objectName)
        .default(null)
        .describe('namespace of the webhook, never injected; by default that of its service account'),
      excluded_namespaces: list(objectName)
        .default(['kube-system', 'kube-public', 'kube-node-lease'])
        .describe('further namespaces that are never injected'),
      tls_dir: optional(path)
        .default(null)
        .describe('directory with `tls.crt` and `tls.key` of cert-manager; without it they are made here'),
      service: objectName.default('cognitod-admission').describe('Service that the certificate is for'),
      secret: objectName
        .default('cognitod-admission-tls')
        .describe('Secret in which replicas share the certificate that they make'),
      webhook: objectName
        .default('cognitod-admission')
        .describe('MutatingWebhookConfiguration that is given the authority of the certificate'),
    })
    .prefault({}),
  events: z
    .strictObject({
      print: flag.default(true).describe('print a line per event in the foreground'),
    })
    .prefault({}),
});

/** The checked configuration, defaults filled in. */
export type Config = z.infer<typeof configSchema>;

export interface ConfigKey {
  /** e.g. `kernel.ring_bytes` */
  readonly path: string;
  readonly description: string;
}

/** Every key, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = keysOf(configSchema, '');

function keysOf(schema: z.ZodObject, prefix: string): ConfigKey[] {
  return Object.entries(schema.shape).flatMap(([name, type]) => {
    const inner = type instanceof z.ZodPrefault ? type.unwrap() : type;
    if (inner instanceof z.ZodObject) return keysOf(inner, `${prefix}${name}.`);
    return [{ path: prefix + name, description: (type as z.ZodType).description ?? '' }];
  });
}
