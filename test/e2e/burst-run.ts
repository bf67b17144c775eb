// Bursts in several pods at once while others come and go; every event is then compared with what CRI said.
import { randomUUID } from 'node:crypto';
import type { EventJson } from '../../src/api/index.ts';
import type { EventClient } from '../support/agent.ts';
import type { CriClient, Pod } from './cri.ts';
import { BURST } from './images.ts';

const PODS = 3;
/** How many of the other pods come and go at the same time. */
const OTHERS_AT_ONCE = 3;

export interface BurstResult {
  /** Events that must have come: exact, from the counts of the program. */
  readonly expected: number;
  readonly found: number;
  readonly attributed: number;
  readonly named: number;
  /** Whether the agent tells names at all. */
  readonly knowsNames: boolean;
  /** Pods that were created and deleted meanwhile. */
  readonly otherPods: number;
  /** Events of processes in those, and how many of them had the right pod, container and names. */
  readonly otherEvents: number;
  readonly otherRight: number;
  /** An event whose namespace or pod name is missing or wrong. */
  readonly unnamed: EventJson | undefined;
  readonly wrong: readonly { why: string; event: EventJson }[];
}

interface Burst {
  readonly pod: Pod;
  readonly containerId: string;
  readonly mark: string;
}

export async function runBursts(
  cri: CriClient,
  stream: EventClient,
  processes: number,
): Promise<BurstResult> {
  const each = Math.ceil(processes / PODS);
  const bursts: Burst[] = [];
  const others: Burst[] = [];
  let running = true;
  try {
    for (let i = 0; i < PODS; i++) {
      const uid = randomUUID();
      const pod = await cri.runPod({ name: `burst-${i}`, namespace: `space-${i}`, uid });
      const mark = `mark-${uid}`;
      const command = ['/burst', 'run', String(each), mark];
      const containerId = await cri
        .createContainer(pod, { name: `main-${i}`, image: BURST, command })
        .catch(async (error) => {
          await cri.removePod(pod);
          throw error;
        });
      bursts.push({ pod, containerId, mark });
    }
    const churn = Promise.all(
      Array.from({ length: OTHERS_AT_ONCE }, async (_, worker) => {
        for (let i = 0; running; i++) others.push(await brieflyRun(cri, `other-${worker}-${i}`));
      }),
    );
    try {
      await Promise.all(bursts.map(({ containerId }) => cri.startContainer(containerId)));
      for (const { containerId } of bursts) {
        const code = await cri.waitContainer(containerId);
        if (code !== 0) throw new Error(`the burst ended with ${code}`);
      }
    } finally {
      running = false;
      await churn;
    }
  } finally {
    for (const { pod } of bursts) await cri.removePod(pod);
  }
  // Fork and exit of every child, an exec of every second, and exec and exit of the first process.
  const expected = bursts.length * (2 * each + Math.floor(each / 2) + 2);
  const find = () => bursts.map((burst) => eventsOf(burst, stream.events));
  await stream.until(() => find().flat().length >= expected, 20_000).catch(() => undefined);
  return judge(bursts, find(), expected, others, stream.events);
}

/** A pod that is deleted as soon as its container has started. */
async function brieflyRun(cri: CriClient, name: string): Promise<Burst> {
  const uid = randomUUID();
  const mark = `mark-${uid}`;
  const pod = await cri.runPod({ name, namespace: 'others', uid });
  try {
    const command = ['/bin/sh', '-c', `/bin/busybox true ${mark}; exec /bin/busybox sleep 60`];
    const containerId = await cri.createContainer(pod, { name: 'other', image: BURST, command });
    await cri.startContainer(containerId);
    return { pod, containerId, mark };
  } finally {
    await cri.removePod(pod);
  }
}

/** Execs and exits of processes that were ever called with the mark. */
function markedEvents(mark: string, events: readonly EventJson[]): EventJson[] {
  const isMarked = (event: EventJson) =>
    event.type === 'exec' && event.argv?.some((argument) => argument.includes(mark)) === true;
  const ids = new Set(events.filter(isMarked).map((event) => event.process_id));
  return events.filter((event) => ids.has(event.process_id) && (event.type === 'exit' || isMarked(event)));
}

/** By argv and process tree only: never by what is to be proved. */
function eventsOf(burst: Burst, events: readonly EventJson[]): EventJson[] {
  const first = events.find(
    (event) => event.type === 'exec' && event.argv?.[0] === '/burst' && event.argv.at(-1) === burst.mark,
  );
  if (first === undefined) return [];
  const children = new Set(
    events
      .filter((event) => event.type === 'fork' && event.parent_process_id === first.process_id)
      .map((event) => event.process_id),
  );
  return events.filter(
    (event) =>
      children.has(event.process_id) ||
      (event.process_id === first.process_id && (event === first || event.type === 'exit')),
  );
}

function judge(
  bursts: Burst[],
  found: EventJson[][],
  expected: number,
  others: readonly Burst[],
  events: readonly EventJson[],
): BurstResult {
  const wrong: { why: string; event: EventJson }[] = [];
  let attributed = 0;
  let named = 0;
  let unnamed: EventJson | undefined;
  let [otherEvents, otherRight] = [0, 0];
  const fromRuntime = events.filter((event) => event.type !== 'fork');
  for (const { pod, containerId, mark } of others) {
    for (const event of markedEvents(mark, fromRuntime)) {
      otherEvents++;
      const right = event.pod_uid === pod.uid && event.container_id === containerId;
      const isNamed = event.pod_name === pod.name && event.namespace === pod.namespace;
      if (right && isNamed) otherRight++;
      else wrong.push({ why: `it is of ${pod.namespace}/${pod.name}, which was deleted at once`, event });
    }
  }
  let knowsNames = process.env.NAMES === '1';
  bursts.forEach((burst, index) => {
    for (const event of found[index]!) {
      const reasons: string[] = [];
      if (event.pod_uid !== burst.pod.uid) reasons.push(`pod_uid is not ${burst.pod.uid}`);
      if (event.container_id !== burst.containerId) reasons.push(`container_id is not ${burst.containerId}`);
      if (event.provenance !== 'kernel-cgroup') reasons.push(`provenance is ${event.provenance}`);
      if (reasons.length === 0) attributed++;
      else wrong.push({ why: reasons.join(', '), event });
      const metadata = event as EventJson & { namespace?: string | null; pod_name?: string | null };
      // An agent without any source of names has none to check.
      if ('pod_name' in event && event.metadata_provenance?.pod !== 'no-source') knowsNames = true;
      if (metadata.namespace === burst.pod.namespace && metadata.pod_name === burst.pod.name) named++;
      else unnamed ??= event;
    }
  });
  return {
    expected,
    found: found.flat().length,
    attributed,
    named,
    knowsNames,
    otherPods: others.length,
    otherEvents,
    otherRight,
    wrong,
    unnamed,
  };
}

/** One line with the numbers; whether all is as it must be. */
export function report(label: string, result: BurstResult): boolean {
  const { expected, found, attributed, named, knowsNames, otherPods, otherEvents, otherRight, wrong } =
    result;
  const share = (part: number) => `${part} of ${expected} (${((100 * part) / expected).toFixed(2)} %)`;
  const names = knowsNames ? `; names ${share(named)}` : '; names: the agent tells none yet';
  console.log(
    `${label}: pod and container right ${share(attributed)}${names}; ${otherPods} other pods came and went, ${otherRight} of ${otherEvents} of their events right`,
  );
  if (found !== expected) console.log(`  ${found} events found, ${expected} expected`);
  for (const { why, event } of wrong.slice(0, 5)) console.log(`  wrong: ${why}: ${JSON.stringify(event)}`);
  if (knowsNames && result.unnamed !== undefined)
    console.log(`  not named: ${JSON.stringify(result.unnamed)}`);
  const complete = found === expected && attributed === expected && otherRight === otherEvents;
  return complete && (!knowsNames || named === expected);
}
