// Whether the running agent sees what it should, and holds nothing that it should not.
import { readdirSync } from 'node:fs';
import { sendCanary } from './canary.ts';
import { type Check, fail, ok, skip, warn, withStatus } from './check.ts';

const CANARY_MS = 5_000;
const SLOW_MS = 1_000;
/** Processes come and go between two counts. */
const TOLERATED_DIFFERENCE = 0.1;

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
  title: 'Does it see the whole node?',
  run: (surroundings) =>
    withStatus(surroundings, (status) => {
      if (status.ready) return ok('yes');
      const reasons = status.reasons.join('; ');
      return surroundings.config.collector === 'procfs'
        ? warn(reasons, 'as it should be in a sidecar; elsewhere let it load its programs: collector: auto')
        : fail(reasons, 'cognitod doctor --before-install on this node tells what is in the way');
    }),
};

const hooks: Check = {
  id: 'hooks',
  title: 'Are its programs attached?',
  run: (surroundings) =>
    withStatus(surroundings, ({ collector }) => {
      const wanted = ['sched_process_fork', 'sched_process_exec', 'sched_process_exit'];
      if (collector.kind === 'procfs')
        return warn(`none: polling, ${collector.reason}`, 'see the check «ready»');
      const missing = wanted.filter((name) => !collector.hooks.some((hook) => hook.endsWith(name)));
      if (missing.length === 0) return ok(collector.hooks.join(', '));
      return fail(`not attached: ${missing.join(', ')}`, 'restart the agent');
    }),
};

const canary: Check = {
  id: 'canary',
  title: 'Does an event arrive?',
  run: (surroundings) =>
    withStatus(surroundings, async ({ collector }) => {
      const { agent } = surroundings;
      const { seen, latencyMs } = await sendCanary(agent!, CANARY_MS);
      const fix = 'is the agent stopped, or far behind? cognitod status has the ring and the ledger';
      if (latencyMs === null) {
        return collector.kind === 'procfs'
          ? warn('a process of some milliseconds was not seen: the agent polls', 'see the check «ready»')
          : fail(`a process of our own was not told within ${CANARY_MS / 1000} s`, fix);
      }
      const text = `${seen.join(', ')} of a process of our own, ${latencyMs} ms after the exec`;
      if (!seen.includes('exit')) return warn(`${text}, but no exit`, fix);
      return latencyMs > SLOW_MS ? warn(text, fix) : ok(text);
    }),
};

const ledger: Check = {
  id: 'ledger',
  title: 'Was anything lost?',
  run: (surroundings) =>
    withStatus(surroundings, ({ ledger: { fork, exec, exit, containers } }) => {
      const lost = fork.lost + exec.lost + exit.lost;
      const all = fork.kernel + exec.kernel + exit.kernel;
      const text = `${lost} of ${all} events; ${containers.attributed} of ${containers.seen} in containers attributed`;
      if (lost > 0) return warn(text, 'a larger ring: kernel.ring_bytes; more CPU: resources.requests.cpu');
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

const privileges: Check = {
  id: 'privileges',
  title: 'Does it hold nothing that it need not?',
  run: (surroundings) =>
    withStatus(surroundings, ({ privileges: held }) => {
      const more = held.cap_permitted.filter((name) => !held.kept.includes(name));
      const place = `uid ${held.uid}, seccomp ${held.seccomp}, ${held.threads} threads`;
      if (!held.dropped)
        return fail(
          `it kept ${held.cap_permitted.join(', ') || 'nothing'}; ${place}`,
          'privileges.drop: true',
        );
      if (more.length > 0 || !held.no_new_privs)
        return fail(
          `it holds ${more.join(', ') || 'nothing'}, no_new_privs ${held.no_new_privs}; ${place}`,
          'please report this',
        );
      const kept =
        held.kept.length === 0 ? 'no capability in any thread' : `${held.kept.join(', ')}, as configured`;
      const bounding =
        held.cap_bounding.length === 0
          ? ''
          : `; ${held.cap_bounding.join(', ')} in the bounding set, of no use with no_new_privs`;
      return ok(`${kept}${bounding}; ${place}`);
    }),
};

const names: Check = {
  id: 'names',
  title: 'Who tells it the names of pods?',
  run: (surroundings) =>
    withStatus(surroundings, ({ metadata, processes: { containers } }) => {
      if (metadata.sources.length === 0)
        return containers === 0
          ? ok('nobody, and there are no containers')
          : warn(
              `nobody, of ${containers} containers`,
              'give it the Kubernetes API or the socket of the runtime',
            );
      const text = metadata.sources
        .map(
          ({ name, state, objects, reason }) =>
            `${name} ${state} (${objects})${reason === null ? '' : `: ${reason}`}`,
        )
        .join('; ');
      const bad = metadata.sources.filter(({ state }) => state !== 'ok' && state !== 'starting');
      return bad.length === 0 ? ok(text) : warn(text, 'names are missing or old until this works');
    }),
};

const nodeName: Check = {
  id: 'node-name',
  title: 'Is the name of the node right?',
  run: (surroundings) =>
    withStatus(surroundings, ({ node, metadata, processes: { containers } }) => {
      const api = metadata.sources.find(({ name }) => name === 'kube-api');
      if (api === undefined || api.state !== 'ok') return skip(`${node}; no Kubernetes API to compare with`);
      if (api.objects > 0 || containers === 0) return ok(`${node}: the API has ${api.objects} pods there`);
      return fail(
        `the API has no pod on a node «${node}», but there are ${containers} containers here`,
        'set node_name from spec.nodeName (COGNITOD_NODE_NAME)',
      );
    }),
};

export const AGENT_CHECKS: readonly Check[] = [
  reachable,
  ready,
  hooks,
  canary,
  ledger,
  processes,
  privileges,
  names,
  nodeName,
];
