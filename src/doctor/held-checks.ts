// What the agent holds: its programs and its privileges. Its own word is compared with what the kernel shows of it.
import { readdirSync } from 'node:fs';
import type { PrivilegesJson, StatusJson } from '../api/index.ts';
import { type Privileges, readPrivileges } from '../lib/index.ts';
import { findExamined } from './agent-processes.ts';
import {
  type Check,
  fail,
  type Finding,
  isSidecar,
  ok,
  type Surroundings,
  warn,
  withStatus,
} from './check.ts';
import { fieldOf, readOr } from './proc.ts';

/** Where each kind of event is told; forks elsewhere on kernels that can preempt tracepoints. */
const WANTED = [['sched_process_fork', 'sched_wakeup_new'], ['sched_process_exec'], ['sched_process_exit']];

const hooks: Check = {
  id: 'hooks',
  title: 'Are its programs attached?',
  run: (surroundings) =>
    withStatus(surroundings, async ({ collector, pid, boot_id }) => {
      if (collector.kind === 'procfs') {
        const text = `none: polling, ${collector.reason}`;
        return isSidecar(surroundings) ? ok(text) : warn(text, 'see the check «ready»');
      }
      const { programs } = collector;
      const missing = WANTED.filter(
        (names) =>
          !programs.some(({ hook, attached }) => attached && names.some((name) => hook.endsWith(name))),
      );
      if (missing.length > 0)
        return fail(`not attached: ${missing.map(([name]) => name).join(', ')}`, 'restart the agent');
      const loose = programs.filter(({ attached }) => !attached).map(({ hook }) => hook);
      if (loose.length > 0) return fail(`not attached: ${loose.join(', ')}`, 'restart the agent');
      const text = programs
        .map(({ hook, id, tag, runs }) => `${hook} (${id}, ${tag}${runs === null ? '' : `, ${runs} runs`})`)
        .join(', ');
      const shown = await programsShown(surroundings, { pid, boot_id });
      if (shown === null) return ok(`${text}; its descriptors cannot be looked at from here`);
      const unseen = programs.filter(({ id }) => !shown.has(id)).map(({ hook }) => hook);
      if (unseen.length > 0)
        return fail(
          `the agent has no descriptor of ${unseen.join(', ')}, which it tells`,
          'please report this',
        );
      return ok(`${text}; its descriptors show the same`);
    }),
};

/** Ids of the programs in the agent's descriptors; null where these are not to be seen. */
async function programsShown(
  surroundings: Surroundings,
  status: Pick<StatusJson, 'pid' | 'boot_id'>,
): Promise<Set<number> | null> {
  const agent = await findExamined(surroundings, status);
  if (agent === null) return null;
  const directory = `${surroundings.config.proc_root}/${agent.pid}/fdinfo`;
  try {
    const ids = readdirSync(directory).map((fd) => fieldOf(readOr(`${directory}/${fd}`) ?? '', 'prog_id'));
    const numbers = ids.filter((id) => id !== null).map(Number);
    return numbers.length === 0 ? null : new Set(numbers);
  } catch {
    return null;
  }
}

const privileges: Check = {
  id: 'privileges',
  title: 'Does it hold nothing that it need not?',
  run: (surroundings) =>
    withStatus(surroundings, async (status) => {
      const told = status.privileges;
      const finding = judgeTold(told);
      if (finding.result !== 'ok') return finding;
      const agent = await findExamined(surroundings, status);
      if (agent === null)
        return ok(
          `${finding.reason}; by its own word: it is not in ${surroundings.config.proc_root} of doctor`,
        );
      const differences = compare(told, readPrivileges(surroundings.config.proc_root, agent.pid));
      if (differences.length > 0)
        return fail(
          `it does not tell what /proc/${agent.pid}/task shows: ${differences.join('; ')}`,
          'do not trust this agent: look at who has changed it, and report this',
        );
      return ok(`${finding.reason}; /proc/${agent.pid}/task shows the same`);
    }),
};

function judgeTold(held: PrivilegesJson): Finding {
  const more = held.cap_permitted.filter((name) => !held.kept.includes(name));
  const place = `uid ${held.uid}, seccomp ${held.seccomp}, ${held.threads} threads`;
  if (!held.dropped)
    return fail(`it kept ${held.cap_permitted.join(', ') || 'nothing'}; ${place}`, 'privileges.drop: true');
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
  const { system_calls, landlock, missing } = held.confinement;
  const confined = `own filter of system calls ${system_calls ? 'on' : 'off'}, Landlock ${landlock ?? 'off'}`;
  const why = missing.length === 0 ? '' : ` (${missing.join('; ')})`;
  return ok(`${kept}${bounding}; ${place}; ${confined}${why}`);
}

/** Threads come and go, so their number is not compared. */
function compare(told: PrivilegesJson, shown: Privileges): string[] {
  const sets = [
    ['effective', told.cap_effective, shown.effective],
    ['permitted', told.cap_permitted, shown.permitted],
    ['inheritable', told.cap_inheritable, shown.inheritable],
    ['bounding', told.cap_bounding, shown.bounding],
    ['ambient', told.cap_ambient, shown.ambient],
    ['no_new_privs', told.no_new_privs, shown.noNewPrivileges],
    ['seccomp', told.seccomp, shown.seccomp],
    ['uid', told.uid, shown.uid],
    ['gid', told.gid, shown.gid],
  ] as const;
  const text = (value: unknown) =>
    Array.isArray(value) ? [...value].sort().join(',') || 'none' : `${value}`;
  return sets
    .filter(([, a, b]) => text(a) !== text(b))
    .map(([name, a, b]) => `${name} is ${text(b)}, told as ${text(a)}`);
}

export const HELD_CHECKS: readonly Check[] = [hooks, privileges];
