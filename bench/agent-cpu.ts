// CPU of the agent per million events, and of other tools under the same load in the same run.
import { rssMegabytes, sleep } from './host.ts';
import type { Figure, Measurement } from './measurement.ts';
import { missingReason, PEERS, type Peer, startPeer, versionOf } from './peers.ts';
import { type Events, ownExitWith, runWorkload, startAgent } from './programs.ts';

interface Round {
  readonly cpu: number;
  /** Resident before the load, in MB; 0 where nobody asks. */
  readonly rss: number;
  readonly seen: Events;
  readonly lost: number;
}

type Load = () => Promise<void>;

/** Tools write behind: until what was read last is handled. */
const SETTLE_MS = 500;
const KINDS = ['fork', 'exec', 'exit'] as const;

/** One agent under the load, from its start to its end. */
export async function agentRound(printing: boolean, load: Load, checkout?: string): Promise<Round> {
  const agent = await startAgent(printing, checkout);
  try {
    // After the start has settled: sources compiled, /proc of old processes read, memory given back.
    await sleep(3500);
    const before = await agent.ledger();
    await sleep(100);
    const rss = rssMegabytes(agent.pid).total;
    const cpu = agent.cpuSeconds();
    await load();
    await sleep(SETTLE_MS);
    const used = agent.cpuSeconds() - cpu;
    const after = await agent.ledger();
    const seen = Object.fromEntries(KINDS.map((kind) => [kind, after.decoded[kind] - before.decoded[kind]]));
    return { cpu: used, rss, seen: seen as unknown as Events, lost: after.lost - before.lost };
  } finally {
    await agent.stop();
  }
}

async function peerRound(peer: Peer, load: Load): Promise<Round> {
  const running = await startPeer(peer);
  try {
    await sleep(SETTLE_MS);
    running.mark();
    const cpu = running.cpuSeconds();
    await load();
    await sleep(SETTLE_MS);
    const used = running.cpuSeconds() - cpu;
    return { cpu: used, rss: 0, seen: await running.finish(), lost: 0 };
  } finally {
    await running.stop('SIGINT');
  }
}

export const total = (events: Events, kinds: readonly (keyof Events)[]) =>
  kinds.reduce((sum, kind) => sum + events[kind], 0);

/** The load of this measurement, and how many events it makes. */
function makeLoad(quick: boolean): { load: Load; expected: Events } {
  const executable = ownExitWith('bench-agent-cpu');
  const [forks, execs] = quick ? [8000, 3000] : [240_000, 40_000];
  const load = async () => {
    await runWorkload(executable, 'vforks', forks, 3);
    await runWorkload(executable, 'execs', execs, 2);
  };
  // The five parents of the workload and the two workloads themselves.
  return { load, expected: { fork: forks + execs + 7, exec: execs + 2, exit: forks + execs + 7 } };
}

/** CPU nanoseconds per event of an agent that keeps its process table and has no clients. */
export async function agentNsPerEvent(quick: boolean): Promise<number> {
  const { cpu, seen } = await agentRound(false, makeLoad(quick).load);
  return (cpu / total(seen, KINDS)) * 1e9;
}

export const agentCpu: Measurement = {
  name: 'agent-cpu',
  how: 'each tool by itself under the same load (vfork+exit and vfork+exec+exit at full speed), one after the other, in rounds; CPU time of its threads from when it is ready until it has caught up, by the scheduler\'s clock, ÷ the events that it reported. Peers print a line per event into a file; the agent does so in the "printing" rows (JSON with identity), in the others it keeps its process table only. The kernel side is in nobody\'s figure (program-cost has ours).',
  async run({ quick, say }) {
    const { load, expected } = makeLoad(quick);
    const tools = new Map<string, { kinds: readonly (keyof Events)[]; round: () => Promise<Round> }>([
      ['agent', { kinds: KINDS, round: () => agentRound(false, load) }],
      ['agent, printing', { kinds: KINDS, round: () => agentRound(true, load) }],
    ]);
    const versions = new Map<string, string>();
    const missing: string[] = [];
    for (const peer of PEERS) {
      const reason = missingReason(peer);
      if (reason === null) tools.set(peer.name, { kinds: peer.reports, round: () => peerRound(peer, load) });
      else missing.push(reason);
      versions.set(peer.name, reason === null ? versionOf(peer) : '');
    }
    for (const reason of missing) say(`${reason}: left out`);

    const rounds = new Map<string, Round[]>([...tools.keys()].map((name) => [name, []]));
    for (let index = 0; index < (quick ? 1 : 2); index++) {
      for (const [name, { kinds, round }] of tools) {
        try {
          const result = await round();
          rounds.get(name)!.push(result);
          say(
            `${name}: ${result.cpu.toFixed(2)} s for ${total(result.seen, kinds)} of ${total(expected, kinds)} events`,
          );
        } catch (error) {
          if (name.startsWith('agent')) throw error;
          say(`${name} left out: ${(error as Error).message}`);
          missing.push(`${name} could not be run: ${(error as Error).message}`);
          tools.delete(name);
          rounds.delete(name);
        }
      }
    }
    const perMillion = (name: string) =>
      rounds.get(name)!.map(({ cpu, seen }) => (cpu / total(seen, tools.get(name)!.kinds)) * 1e6);
    const missed = (name: string) =>
      rounds.get(name)!.map(({ seen }) => {
        const kinds = tools.get(name)!.kinds;
        return kinds.reduce((sum, kind) => sum + Math.max(0, expected[kind] - seen[kind]), 0);
      });
    const figures: Figure[] = [];
    for (const [name, { kinds }] of tools) {
      const isAgent = name.startsWith('agent');
      const version = versions.get(name);
      figures.push({
        name: `${name}: CPU per million events`,
        unit: 's',
        samples: perMillion(name),
        ...(name === 'agent' ? { target: { atMost: 2 } } : {}),
        note: isAgent ? 'fork, exec, exit' : `reports ${kinds.join(', ')}; ${version}`,
      });
      figures.push({
        name: `${name}: events missed of ${total(expected, kinds)}`,
        unit: 'events',
        // A loss is also missing from what was seen: the larger, not the sum.
        samples: rounds.get(name)!.map((round, i) => Math.max(round.lost, missed(name)[i]!)),
        ...(isAgent ? { target: { atMost: 0 } } : {}),
      });
    }
    for (const agent of ['agent', 'agent, printing']) {
      for (const name of tools.keys()) {
        if (name.startsWith('agent')) continue;
        const own = perMillion(agent);
        figures.push({
          name: `${agent} ÷ ${name}, CPU per reported event`,
          unit: '×',
          samples: perMillion(name).map((peer, round) => own[round]! / peer),
          target: { atMost: 1 },
        });
      }
    }
    return missing.length === 0
      ? figures
      : figures.map((figure, index) => (index === 0 ? { ...figure, note: missing.join('; ') } : figure));
  },
};
