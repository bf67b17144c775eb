// Whether the running agent sees what it should.
import { readdirSync } from 'node:fs';
import { columnOf, missingByColumn, missingIn, type MissingColumn, type StatusJson } from '../api/index.ts';
import { sendCanary } from './canary.ts';
import { type Check, fail, isSidecar, ok, polls, skip, warn, withStatus } from './check.ts';

const CANARY_MS = 5_000;
const SLOW_MS = 1_000;
/** Processes come and go between two counts. */
const TOLERATED_DIFFERENCE = 0.1;
/** Of a canary for an agent that polls: many looks fit into it. */
const LOOKS = 10;

const reachable: Check = {
  id: 'agent',
  title: 'Does the agent answer?',
  run({ agent, status }) {
    if (agent === null || status === null) return skip('no agent is asked before the installation');
    if ('error' in status) return fail(status.error, status.hint ?? 'start the agent');
    return ok(`cognitod ${status.version}, pid ${status.pid}, at ${agent.address}`);
  },
};

const ready: Check = {
  id: 'ready',
  title: 'Does it see what it should?',
  run: (surroundings) =>
    withStatus(surroundings, ({ ready: isReady, reasons }) => {
      if (isReady) return ok('the whole node');
      const text = reasons.join('; ');
      if (isSidecar(surroundings)) return ok(`its pod, as a sidecar does: ${text}`);
      return polls(surroundings)
        ? warn(text, 'polling is chosen by the configuration; else: collector: auto')
        : fail(text, 'cognitod doctor --before-install on this node tells what is in the way');
    }),
};

const kernelGives: Check = {
  id: 'kernel-gives',
  title: 'Does the kernel give everything?',
  run: (surroundings) =>
    withStatus(surroundings, ({ collector: { kind, limits } }) => {
      if (kind === 'procfs') return skip('nothing is asked of it: /proc is polled');
      if (limits.length === 0) return ok('nothing is missing');
      return warn(limits.join('; '), 'docs/limits.md says what follows, and on which kernels');
    }),
};

const canary: Check = {
  id: 'canary',
  title: 'Does an event arrive?',
  outsideOnly: true,
  alone: true,
  run: (surroundings) =>
    withStatus(surroundings, async ({ collector }) => {
      const { agent, config } = surroundings;
      const livesMs = collector.kind === 'procfs' ? config.procfs.interval_ms * LOOKS : 0;
      const { seen, latencyMs } = await sendCanary(agent!, CANARY_MS + livesMs, livesMs);
      const fix = 'is the agent stopped, or far behind? cognitod status has the ring and the ledger';
      if (latencyMs === null) {
        const what = livesMs === 0 ? 'a process of our own' : `a process of our own that lived ${livesMs} ms`;
        return fail(`${what} was not told within ${CANARY_MS / 1000} s`, fix);
      }
      const text = `${seen.join(', ')} of a process of our own, ${latencyMs} ms after the exec`;
      if (!seen.includes('exit')) return warn(`${text}, but no exit`, fix);
      return latencyMs > SLOW_MS + livesMs ? warn(text, fix) : ok(text);
    }),
};

const MISSING_FIX: Readonly<Record<MissingColumn, string>> = {
  lost: 'a larger ring: kernel.ring_bytes; more CPU: resources.requests.cpu',
  skipped:
    'the kernel skipped programs, as Linux 7 does when it has preempted one: these events are gone, and no setting is the reason (docs/limits.md)',
};

const ledger: Check = {
  id: 'ledger',
  title: 'Was anything lost?',
  run: (surroundings) =>
    withStatus(surroundings, ({ ledger: account }) => {
      const { containers } = account;
      const missing = missingByColumn(account);
      const why = missing.map(([column, count]) => `${count} ${column}`).join(', ');
      const events = `${missingIn(account)} of ${columnOf(account, 'kernel')} events${why === '' ? '' : ` (${why})`}`;
      const text = `${events}; ${containers.attributed} of ${containers.seen} in containers attributed`;
      if (missing.length > 0) return warn(text, missing.map(([column]) => MISSING_FIX[column]).join('; '));
      if (containers.attributed < containers.seen)
        return warn(text, 'see the check «cgroups» for paths that are not understood');
      return ok(text);
    }),
};

const processes: Check = {
  id: 'processes',
  title: 'Does it know every living process?',
  run: (surroundings) =>
    withStatus(surroundings, ({ processes: { running } }) => {
      const { proc_root } = surroundings.config;
      const count = readdirSync(proc_root).filter((name) => /^\d+$/.test(name)).length;
      const text = `${running} known, ${count} in ${proc_root}`;
      if (Math.abs(running - count) <= Math.max(10, count * TOLERATED_DIFFERENCE)) return ok(text);
      return warn(text, 'is doctor in the same place as the agent? it compares with its own /proc');
    }),
};

const names: Check = {
  id: 'names',
  title: 'Who tells it the names of pods?',
  run: (surroundings) => withStatus(surroundings, judgeNames),
};

function judgeNames({ metadata, processes: { containers } }: StatusJson) {
  const { sources, pods } = metadata;
  if (sources.length === 0)
    return containers === 0
      ? skip('nobody is asked, and there are no containers')
      : warn(
          `nobody is asked, of ${containers} containers`,
          'give it the Kubernetes API or the socket of the runtime',
        );
  const text = sources
    .map(
      ({ name, state, objects, reason }) =>
        `${name} ${state} (${objects})${reason === null ? '' : `: ${reason}`}`,
    )
    .join('; ');
  if (sources.some(({ state }) => state !== 'ok' && state !== 'starting'))
    return warn(text, 'names are missing or old until this works');
  if (pods > 0) return ok(`${text}; ${pods} pods named, ${metadata.unnamed} not`);
  return containers === 0
    ? ok(`${text}; there are no pods here to be named, so this proves little`)
    : warn(
        `${text}; ${containers} containers here, and none of their pods was named`,
        'is it the right node name («node-name»), and are these containers of Kubernetes?',
      );
}

export const AGENT_CHECKS: readonly Check[] = [
  reachable,
  ready,
  kernelGives,
  canary,
  ledger,
  processes,
  names,
];
