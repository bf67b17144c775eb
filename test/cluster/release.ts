// The chart as a release in the cluster: installed, changed and removed with the real helm.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CHART, HELM, NAMESPACE } from '../../scripts/helm.ts';
import type { ProcessJson, StatusJson } from '../../src/api/index.ts';
import type { Cluster } from './cluster.ts';
import { REPOSITORY } from './stand-in.ts';

const WAIT = '90s';
const RELEASE = 'cognitod';
/** The kubelet here has a --cgroup-root: without its name no pod's cgroup would be believed (docs/attribution.md). */
const VALUES = [
  `image.repository=${REPOSITORY}`,
  'image.pullPolicy=Never',
  'config.kubernetes.cgroup_roots={/k8s*}',
];

export class Release {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Installs or upgrades, and waits until all is ready. Rejects with helm's complaint. */
  async put(set: readonly string[], { wait = true } = {}): Promise<void> {
    await this.#helm([
      'upgrade',
      '--install',
      RELEASE,
      CHART,
      '--create-namespace',
      ...(wait ? ['--wait', `--timeout=${WAIT}`] : []),
      ...[...VALUES, ...set].map((one) => `--set=${one}`),
    ]);
  }

  rollBack(revision: number): Promise<string> {
    return this.#helm(['rollback', RELEASE, String(revision), '--wait', `--timeout=${WAIT}`]);
  }

  remove(): Promise<string> {
    return this.#helm(['uninstall', RELEASE, '--wait', `--timeout=${WAIT}`]);
  }

  /** Label and taint of the observability tier, as the chart asks for; the result takes them off again. */
  async prepareNode(): Promise<() => Promise<void>> {
    const { kubectl, node } = this.#cluster;
    await kubectl(['label', 'node', node, 'node-pool=observability-tier', '--overwrite']);
    await kubectl(['taint', 'node', node, 'observability=true:NoSchedule', '--overwrite']);
    return async () => {
      await kubectl(['taint', 'node', node, 'observability-']).catch(() => '');
      await kubectl(['label', 'node', node, 'node-pool-']);
    };
  }

  /** Of the only pod that is running and not on its way out. */
  async podName(): Promise<string> {
    const path =
      '{range .items[*]}{.metadata.name} {.status.phase} {.metadata.deletionTimestamp}{"\\n"}{end}';
    const text = await this.kubectl([
      'get',
      'pods',
      '--selector=app.kubernetes.io/name=cognitod',
      `--output=jsonpath=${path}`,
    ]);
    const names = text.split('\n').flatMap((line) => {
      const [name, phase, deleted] = line.split(' ');
      return name && phase === 'Running' && !deleted ? [name] : [];
    });
    if (names.length !== 1) throw new Error(`one pod of the agent is wanted, not: ${text}`);
    return names[0]!;
  }

  /** What the agent in the pod says. */
  async status(): Promise<StatusJson> {
    const exec = ['exec', 'daemonset/cognitod', '--', '/opt/cognitod/bin/cognitod', 'status', '--json'];
    return JSON.parse(await this.kubectl(exec)) as StatusJson;
  }

  /** Of one pod, also those that have ended, as the agent in the pod lists them. */
  async processesOf(podUid: string): Promise<ProcessJson[]> {
    const program = ['exec', 'daemonset/cognitod', '--', '/opt/cognitod/bin/cognitod', 'ps', '--json'];
    const answer = await this.kubectl([...program, '--state=all', `--pod=${podUid}`]);
    return (JSON.parse(answer) as { processes: ProcessJson[] }).processes;
  }

  /** What the doctor in the pod says; rejects when it does not run. */
  async doctor(): Promise<{ checks: { id: string; result: string; reason: string }[] }> {
    const program = ['exec', 'daemonset/cognitod', '--', '/opt/cognitod/bin/cognitod', 'doctor', '--json'];
    const text = await this.kubectl(program).catch((error: { stdout?: string }) => {
      // It ends with 1 when a check failed.
      if (error.stdout?.startsWith('{') === true) return error.stdout;
      throw error;
    });
    return JSON.parse(text);
  }

  kubectl(args: readonly string[]): Promise<string> {
    return this.#cluster.kubectl(['--namespace', NAMESPACE, ...args], { timeoutMs: 60_000 });
  }

  /** The names of everything that carries the chart's label, of every kind that can be listed. */
  async objects(): Promise<string[]> {
    const kinds = (await this.kubectl(['api-resources', '--verbs=list', '--output=name'])).trim().split('\n');
    // Made by controllers from what is removed, and gone a little later; or the same objects again by another name.
    const asked = kinds.filter(
      (kind) =>
        !/^(events|events\.events\.k8s\.io|controllerrevisions\.apps|endpoints|endpointslices.*)$/.test(kind),
    );
    const args = [
      'get',
      asked.join(','),
      '--all-namespaces',
      '--selector=app.kubernetes.io/part-of=linnix',
      '--output=name',
    ];
    return (await this.kubectl(args)).split('\n').filter((line) => line !== '');
  }

  async #helm(args: readonly string[]): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)(
        HELM,
        ['--namespace', NAMESPACE, '--kubeconfig', this.#cluster.kubeconfig, ...args],
        {
          timeout: 150_000,
        },
      );
      return stdout;
    } catch (error) {
      const pods = await this.kubectl(['describe', 'pods']).catch(() => '');
      const logs = await this.kubectl([
        'logs',
        '--selector=app.kubernetes.io/name=cognitod',
        '--tail=20',
      ]).catch(() => '');
      throw new Error(`helm ${args[0]}: ${(error as { stderr?: string }).stderr}\n${pods}\n${logs}`, {
        cause: error,
      });
    }
  }
}
