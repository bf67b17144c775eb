// Keeps what the cluster says about the agent, for the evidence: read at the start and every ten minutes.
import { type ClusterPolicies, notRead, readClusterPolicies } from '../evidence/index.ts';
import { chosenTarget, KUBE_TIMES } from '../identity/index.ts';
import { type Config, Tasks } from '../lib/index.ts';
import { ownNamespace } from './own-namespace.ts';

const PAUSE_MS = 600_000;
const TIMES = { ...KUBE_TIMES, connectMs: 5_000, answerIdleMs: 10_000 };

export class ClusterWatch {
  readonly #config: Config;
  readonly #tasks: Tasks;
  #stop = () => {};
  #known: ClusterPolicies = notRead('not asked yet');
  #stopped = false;

  constructor(config: Config, tasks = new Tasks()) {
    this.#config = config;
    this.#tasks = tasks;
  }

  /** As last read. */
  get known(): ClusterPolicies {
    return this.#known;
  }

  /** Begins with a first reading. */
  start(): void {
    const target = chosenTarget(this.#config.kubernetes);
    if (target === null) {
      this.#known = notRead('the agent asks no Kubernetes API (kubernetes.api)');
      return;
    }
    const { cluster_policies: objects, cluster_roles: clusterRoles } = this.#config.evidence;
    const read = async () => {
      const options = { target, times: TIMES, namespace: ownNamespace(), objects, clusterRoles };
      const policies = await readClusterPolicies(options);
      if (this.#stopped) return;
      // An API that is away for a moment is no change of what it said.
      if (policies.state !== 'not-read' || this.#known.state === 'not-read') this.#known = policies;
    };
    this.#stop = this.#tasks.every('asking the cluster for its policies', PAUSE_MS, read, {
      atOnce: true,
      unref: true,
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#stop();
  }
}
