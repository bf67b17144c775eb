// Whether the Node object that the agent takes for its own is that of this machine.
import {
  chosenTarget,
  fieldsOf,
  KUBE_TIMES,
  KubeClient,
  type KubeTarget,
  listOf,
  parseFields,
  textOf,
} from '../identity/index.ts';
import { type Check, type Finding, fail, ok, skip, statusOr, warn } from './check.ts';
import { readOr } from './proc.ts';

const TIMES = { ...KUBE_TIMES, connectMs: 3_000, answerIdleMs: 4_000 };
const FIX = 'set node_name from spec.nodeName (COGNITOD_NODE_NAME)';

export interface NodeFacts {
  readonly name: string;
  /** Of this boot of this machine; null when it cannot be read. */
  readonly bootId: string | null;
  /** Containers here; null when nobody has counted them. */
  readonly containers: number | null;
}

/** Asks the API for the Node; where the account may not, for the pods of that node, which it may. */
export async function judgeNodeName(target: KubeTarget, facts: NodeFacts): Promise<Finding> {
  const client = new KubeClient(target, TIMES, () => {});
  const { name } = facts;
  try {
    const answer = await client.get(`/api/v1/nodes/${encodeURIComponent(name)}`);
    switch (answer.status) {
      case 200:
        return judgeNode(answer.body, facts);
      case 404:
        return fail(`the API has no node «${name}»`, FIX);
      case 401:
      case 403:
        return await judgePods(client, facts);
      default:
        return warn(`the API answers ${answer.status} to the question for node «${name}»`, 'ask it again');
    }
  } finally {
    client.close();
  }
}

/** The kubelet writes the boot id of its machine into the status of its Node. */
function judgeNode(body: string, { name, bootId }: NodeFacts): Finding {
  const info = fieldsOf(fieldsOf(parseFields(body)?.status)?.nodeInfo);
  const theirs = textOf(info?.bootID);
  if (theirs === null || bootId === null) return ok(`${name}: the API has a node of that name`);
  if (theirs === bootId) return ok(`${name}: the API's node has the boot id of this machine`);
  return fail(
    `the node «${name}» of the API is another machine: its boot id is ${theirs}, here it is ${bootId}`,
    FIX,
  );
}

async function judgePods(client: KubeClient, { name, containers }: NodeFacts): Promise<Finding> {
  const selector = encodeURIComponent(`spec.nodeName=${name}`);
  const answer = await client.get(`/api/v1/pods?fieldSelector=${selector}&limit=1`);
  if (answer.status !== 200)
    return skip(`${name}; its account may ask neither for nodes nor for pods (${answer.status})`);
  const pods = listOf(parseFields(answer.body)?.items).length;
  if (pods > 0) return ok(`${name}: the API has pods there; for the node itself its account may not ask`);
  if (containers === 0)
    return skip(`${name}; the API has no pod there, and there are no containers here to compare with`);
  const here = containers === null ? 'if there are any here' : `but there are ${containers} containers here`;
  const text = `the API has no pod on a node «${name}», ${here}`;
  return containers === null ? warn(text, FIX) : fail(text, FIX);
}

export const nodeName: Check = {
  id: 'node-name',
  title: 'Is the name of the node right?',
  keepMs: 60_000,
  async run(surroundings) {
    const { config } = surroundings;
    const status = statusOr(surroundings);
    const name = status?.node ?? config.node_name;
    const target = chosenTarget(config.kubernetes);
    if (target === null) return skip(`${name}; no Kubernetes API to compare with`);
    const bootId = readOr(`${config.proc_root}/sys/kernel/random/boot_id`)?.trim() ?? null;
    const containers = status?.processes.containers ?? null;
    try {
      return await judgeNodeName(target, { name, bootId, containers });
    } catch (error) {
      return warn(`${name}; ${(error as Error).message}`, 'the Kubernetes API must answer for names');
    }
  },
};
