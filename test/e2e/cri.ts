// A small CRI client: pods and containers as the kubelet makes them.
import { join } from 'node:path';
import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const CALL_TIMEOUT_MS = 30_000;
const NODE_NAMESPACE = 2;
const EXITED = 2;

export interface PodSpec {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly privileged?: boolean;
  readonly hostPid?: boolean;
  /** shareProcessNamespace: its containers see each other. */
  readonly sharePid?: boolean;
  /** Directory on the node for what its containers print, `<container>.log`. */
  readonly logDirectory?: string;
}

/** What a container's securityContext says; without one it is as privileged as its pod, or has the default capabilities. */
export interface SecuritySpec {
  /** Capabilities without CAP_; everything else is dropped. The runtime's default set when left out. */
  readonly capabilities?: readonly string[];
  /** uid and gid; 0 when left out. */
  readonly user?: number;
  /** supplementalGroups. */
  readonly groups?: readonly number[];
  /** allowPrivilegeEscalation: false. */
  readonly noNewPrivileges?: boolean;
  readonly readOnlyRoot?: boolean;
  /** RuntimeDefault when left out; a path is a profile on the node. */
  readonly seccomp?: 'unconfined' | { readonly path: string };
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  /** Empty for the image's own entry point. */
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly mounts?: readonly { container_path: string; host_path: string; readonly?: boolean }[];
  readonly env?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly security?: SecuritySpec;
}

export interface Pod extends PodSpec {
  readonly sandboxId: string;
}

type Call = (
  request: object,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: Record<string, unknown>) => void,
) => void;

/** Talks to one socket. Every call rejects after 30 s. */
export class CriClient {
  readonly #service: Record<string, Call> & { close(): void };

  constructor(socket: string) {
    const definition = loadSync(join(import.meta.dirname, 'cri.proto'), { keepCase: true, defaults: true });
    // biome-ignore lint/suspicious/noExplicitAny: the package is made at run time
    const { RuntimeService } = (loadPackageDefinition(definition) as any).runtime.v1;
    this.#service = new RuntimeService(`unix://${socket}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
    });
  }

  call(method: string, request: object): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      this.#service[method]!(request, { deadline: Date.now() + CALL_TIMEOUT_MS }, (error, answer) =>
        error === null ? resolve(answer) : reject(new Error(`${method}: ${error.message}`)),
      );
    });
  }

  async runPod(spec: PodSpec): Promise<Pod> {
    const answer = await this.call('RunPodSandbox', { config: sandboxConfig(spec) });
    return { ...spec, sandboxId: String(answer.pod_sandbox_id) };
  }

  async createContainer(pod: Pod, spec: ContainerSpec): Promise<string> {
    const answer = await this.call('CreateContainer', {
      pod_sandbox_id: pod.sandboxId,
      sandbox_config: sandboxConfig(pod),
      config: {
        metadata: { name: spec.name },
        image: { image: spec.image },
        command: spec.command,
        args: spec.args ?? [],
        ...(pod.logDirectory === undefined ? {} : { log_path: `${spec.name}.log` }),
        envs: Object.entries(spec.env ?? {}).map(([key, value]) => ({ key, value })),
        mounts: spec.mounts ?? [],
        annotations: spec.annotations ?? {},
        labels: {
          'io.kubernetes.container.name': spec.name,
          'io.kubernetes.pod.name': pod.name,
          'io.kubernetes.pod.namespace': pod.namespace,
          'io.kubernetes.pod.uid': pod.uid,
        },
        linux: {
          security_context: {
            privileged: pod.privileged ?? false,
            namespace_options: namespaces(pod),
            ...(spec.security === undefined ? {} : securityContext(spec.security)),
          },
        },
      },
    });
    return String(answer.container_id);
  }

  async startContainer(id: string): Promise<void> {
    await this.call('StartContainer', { container_id: id });
  }

  /** Waits for the container's end; its exit code. */
  async waitContainer(id: string, timeoutMs = 120_000): Promise<number> {
    for (const until = Date.now() + timeoutMs; Date.now() < until; ) {
      const { status } = await this.call('ContainerStatus', { container_id: id });
      const { state, exit_code } = status as { state: number; exit_code: number };
      if (state === EXITED) return exit_code;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`container ${id} did not end in ${timeoutMs} ms`);
  }

  /** A command in a running container, to its end. */
  async exec(id: string, cmd: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const answer = await this.call('ExecSync', { container_id: id, cmd, timeout: 25 });
    const { stdout, stderr, exit_code } = answer as { stdout: Buffer; stderr: Buffer; exit_code: number };
    return { code: exit_code, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Kills what runs in it and removes it. */
  async removePod(pod: Pod): Promise<void> {
    await this.call('StopPodSandbox', { pod_sandbox_id: pod.sandboxId });
    await this.call('RemovePodSandbox', { pod_sandbox_id: pod.sandboxId });
  }

  close(): void {
    this.#service.close();
  }
}

// Profile types of the CRI.
const RUNTIME_DEFAULT = 0;
const UNCONFINED = 1;
const LOCALHOST = 2;
/** As the kubelet asks for, pkg/securitycontext/util.go. */
const MASKED = [
  'asound',
  'acpi',
  'kcore',
  'keys',
  'latency_stats',
  'timer_list',
  'timer_stats',
  'sched_debug',
  'scsi',
];
const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];

function securityContext({
  capabilities,
  user,
  groups,
  noNewPrivileges,
  readOnlyRoot,
  seccomp,
}: SecuritySpec): object {
  const inProc = (name: string) => `/proc/${name}`;
  return {
    ...(capabilities === undefined
      ? {}
      : { capabilities: { add_capabilities: capabilities, drop_capabilities: ['ALL'] } }),
    ...(user === undefined ? {} : { run_as_user: { value: user }, run_as_group: { value: user } }),
    supplemental_groups: groups ?? [],
    no_new_privs: noNewPrivileges ?? false,
    readonly_rootfs: readOnlyRoot ?? false,
    masked_paths: [...MASKED.map(inProc), '/sys/firmware'],
    readonly_paths: READ_ONLY.map(inProc),
    seccomp:
      seccomp === undefined
        ? { profile_type: RUNTIME_DEFAULT }
        : seccomp === 'unconfined'
          ? { profile_type: UNCONFINED }
          : { profile_type: LOCALHOST, localhost_ref: seccomp.path },
  };
}

// CRI knows POD as 0, CONTAINER as 1: without CNI only the node's network is to be had.
const namespaces = (pod: PodSpec) => ({
  network: NODE_NAMESPACE,
  pid: pod.hostPid === true ? NODE_NAMESPACE : pod.sharePid === true ? 0 : 1,
});

function sandboxConfig(spec: PodSpec): object {
  return {
    metadata: { name: spec.name, uid: spec.uid, namespace: spec.namespace },
    ...(spec.logDirectory === undefined ? {} : { log_directory: spec.logDirectory }),
    labels: {
      'io.kubernetes.pod.name': spec.name,
      'io.kubernetes.pod.namespace': spec.namespace,
      'io.kubernetes.pod.uid': spec.uid,
    },
    linux: {
      cgroup_parent: `/kubepods/burstable/pod${spec.uid}`,
      security_context: { namespace_options: namespaces(spec), privileged: spec.privileged ?? false },
    },
  };
}
