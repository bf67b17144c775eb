import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventJson, StatusJson } from '../api/index.ts';
import { sampleEvent, sampleStatus } from '../cli/fake-agent.fixture.ts';
import { AGENT_CHECKS } from './agent-checks.ts';
import type { DoctorAgent } from './check.ts';
import { AGENT, BOOT_ID, fakeNode, type FakeNode, find, NO_AGENT, PROGRAMS } from './fake-node.fixture.ts';
import { HELD_CHECKS } from './held-checks.ts';
import { boottimeNs } from '../os/index.ts';

const CHECKS = [...AGENT_CHECKS, ...HELD_CHECKS];

type Change = (status: StatusJson) => StatusJson;

/** The agent with pid 77 of its own namespace. */
const STATUS = sampleStatus({ pid: 77, boot_id: BOOT_ID });
const HEALTHY: StatusJson = { ...STATUS, collector: { ...STATUS.collector, programs: PROGRAMS } };
const SIDECAR = { COGNITOD_COLLECTOR: 'procfs', COGNITOD_POD_UID: '0f5e6c1a-0000-4000-8000-00000000bbbb' };

async function judged(
  id: string,
  node: FakeNode,
  change: Change = (status) => status,
  env: Record<string, string> = {},
  agent: DoctorAgent = NO_AGENT,
): Promise<string> {
  const surroundings = node.surroundings({ agent, status: change(HEALTHY), env });
  const { result, reason } = await find(
    CHECKS.find((check) => check.id === id),
    surroundings,
  );
  return `${result}: ${reason.replaceAll(node.directory, 'DIR')}`;
}

const withCollector =
  (fields: Partial<StatusJson['collector']>): Change =>
  (status) => ({ ...status, collector: { ...status.collector, ...fields } });
const withPrivileges =
  (fields: Partial<StatusJson['privileges']>): Change =>
  (status) => ({ ...status, privileges: { ...status.privileges, ...fields } });

test('without an agent, and with one that does not answer', async (t) => {
  const node = fakeNode(t);
  for (const check of CHECKS) {
    const before = await find(check, node.surroundings());
    assert.equal(before.result, 'skip', check.id);
    const status = { error: 'connection refused', hint: 'start it' };
    const { result, fix } = await find(check, node.surroundings({ agent: NO_AGENT, status }));
    assert.deepEqual([result, fix], check.id === 'agent' ? ['fail', 'start it'] : ['skip', null], check.id);
  }
});

test('ready: the node, not ready, polling on purpose, a sidecar', async (t) => {
  const node = fakeNode(t);
  const blind: Change = (status) => ({ ...status, ready: false, reasons: ['polls'] });
  assert.equal(await judged('ready', node), 'ok: the whole node');
  assert.equal(await judged('ready', node, blind), 'fail: polls');
  assert.equal(await judged('ready', node, blind, { COGNITOD_COLLECTOR: 'procfs' }), 'warn: polls');
  assert.equal(await judged('ready', node, blind, SIDECAR), 'ok: its pod, as a sidecar does: polls');
});

test('hooks: attached, one without its link, polling', async (t) => {
  const node = fakeNode(t);
  assert.match(
    await judged('hooks', node),
    /^ok: tp_btf\/sched_process_fork \(100, 0123456789abcdef\), .*cannot be looked at from here$/,
  );
  const loose = PROGRAMS.map((program) => ({ ...program, attached: !program.hook.endsWith('exec') }));
  assert.equal(
    await judged('hooks', node, withCollector({ programs: loose })),
    'fail: not attached: sched_process_exec',
  );
  assert.match(
    await judged('hooks', node, withCollector({ programs: [] })),
    /^fail: not attached: sched_process_fork, /,
  );
  const elsewhere = PROGRAMS.map((program) => ({
    ...program,
    hook: program.hook.replace('sched_process_fork', 'sched_wakeup_new'),
  }));
  assert.match(
    await judged('hooks', node, withCollector({ programs: elsewhere })),
    /^ok: .*sched_wakeup_new/,
  );
  const polling = withCollector({ kind: 'procfs', programs: [], reason: 'chosen by the configuration' });
  assert.equal(await judged('hooks', node, polling), 'warn: none: polling, chosen by the configuration');
  assert.match(await judged('hooks', node, polling, SIDECAR), /^ok: none: polling/);
});

test('hooks: the descriptors of the agent are compared with what it tells', async (t) => {
  const node = fakeNode(t);
  node.process(4321, AGENT);
  node.write('proc/4321/fdinfo/3', 'pos:\t0\n');
  for (const id of [100, 101]) node.write(`proc/4321/fdinfo/${id}`, `prog_type:\t26\nprog_id:\t${id}\n`);
  assert.equal(
    await judged('hooks', node),
    'fail: the agent has no descriptor of tp_btf/sched_process_exit, which it tells',
  );
  node.write('proc/4321/fdinfo/102', 'prog_id:\t102\n');
  assert.match(await judged('hooks', node), /its descriptors show the same$/);
});

test('privileges: by its own word, and as /proc shows every thread', async (t) => {
  const node = fakeNode(t);
  assert.match(await judged('privileges', node), /^ok: no capability in any thread; .*by its own word/);
  node.process(4321, AGENT);
  assert.match(await judged('privileges', node), /^ok: .*\/proc\/4321\/task shows the same$/);
  const text = 'CapPrm:\t0000008000000000\nCapEff:\t0\nCapInh:\t0\nCapBnd:\t0000008000000000\nCapAmb:\t0\n';
  node.write(
    'proc/4321/task/4330/status',
    `Uid:\t65532\t65532\nGid:\t65532\t65532\nNoNewPrivs:\t0\nSeccomp:\t2\n${text}`,
  );
  assert.equal(
    await judged('privileges', node),
    'fail: it does not tell what /proc/4321/task shows: permitted is CAP_BPF, told as none; ' +
      'bounding is CAP_BPF, told as none; no_new_privs is false, told as true',
  );
});

test('privileges: the agent is found by its pid in its own namespace, and only on its own boot', async (t) => {
  const node = fakeNode(t);
  node.process(4321, AGENT);
  const told: Change = withPrivileges({ cap_bounding: ['CAP_BPF'] });
  assert.match(await judged('privileges', node, told), /^fail: .*bounding is none, told as CAP_BPF$/);
  assert.match(await judged('privileges', node, (s) => told({ ...s, pid: 78 })), /^ok: .*by its own word/);
  assert.match(
    await judged('privileges', node, (s) => told({ ...s, boot_id: 'x' })),
    /^ok: .*by its own word/,
  );
  // Two sidecars may have the same pid in their pods: then neither is taken.
  node.process(5000, { ...AGENT, nsPids: [5000, 77] });
  assert.match(await judged('privileges', node, told), /^ok: .*by its own word/);
});

test('privileges: what it kept and what it should not hold', async (t) => {
  const node = fakeNode(t);
  assert.match(
    await judged('privileges', node, withPrivileges({ dropped: false, cap_permitted: ['CAP_BPF'] })),
    /^fail: it kept CAP_BPF; /,
  );
  assert.match(
    await judged('privileges', node, withPrivileges({ cap_permitted: ['CAP_BPF'] })),
    /^fail: it holds CAP_BPF/,
  );
  assert.match(
    await judged('privileges', node, withPrivileges({ no_new_privs: false })),
    /^fail: .*no_new_privs false/,
  );
  const kept = { kept: ['CAP_SYS_PTRACE'], cap_permitted: ['CAP_SYS_PTRACE'] };
  assert.match(await judged('privileges', node, withPrivileges(kept)), /^ok: CAP_SYS_PTRACE, as configured/);
});

test('names: nothing to be named is not taken for a proof', async (t) => {
  const node = fakeNode(t);
  const source = { ...STATUS.metadata.sources[0]!, state: 'ok' as const, reason: null, objects: 0 };
  const with_ =
    (pods: number, containers: number, sources = [source]): Change =>
    (status) => ({
      ...status,
      metadata: { ...status.metadata, sources, pods },
      processes: { ...status.processes, containers },
    });
  assert.match(await judged('names', node, with_(3, 4)), /^ok: kube-api ok \(0\); 3 pods named/);
  assert.match(
    await judged('names', node, with_(0, 0)),
    /^ok: .*no pods here to be named, so this proves little$/,
  );
  assert.match(
    await judged('names', node, with_(0, 4)),
    /^warn: .*4 containers here, and none of their pods was named$/,
  );
  assert.match(await judged('names', node, with_(0, 0, [])), /^skip: nobody is asked/);
  assert.match(await judged('names', node, with_(0, 4, [])), /^warn: nobody is asked, of 4 containers/);
  assert.match(await judged('names', node), /^warn: kube-api unreachable \(12\): connection refused$/);
});

test('ledger and processes: losses and differences', async (t) => {
  const node = fakeNode(t);
  assert.match(await judged('ledger', node), /^ok: 0 of 4000 events; /);
  const { fork, exec, exit, move } = STATUS.ledger;
  const withRows =
    (rows: Partial<StatusJson['ledger']>): Change =>
    (status) => ({ ...status, ledger: { ...status.ledger, ...rows } });
  for (const rows of [
    { fork: { ...fork, lost: 7 } },
    { exec: { ...exec, lost: 7 } },
    { exit: { ...exit, lost: 7 } },
    { move: { ...move, lost: 7 } },
  ])
    assert.match(await judged('ledger', node, withRows(rows)), /^warn: 7 of 4000 events \(7 lost\); /);
  const skipped = withRows({ exit: { ...exit, skipped: 2 } });
  assert.match(await judged('ledger', node, skipped), /^warn: 2 of 4000 events \(2 skipped\); /);
  const both = withRows({ exec: { ...exec, lost: 5 }, exit: { ...exit, skipped: 2 } });
  assert.match(await judged('ledger', node, both), /^warn: 7 of 4000 events \(5 lost, 2 skipped\); /);
  const fixOf = async (change: Change) => {
    const surroundings = node.surroundings({ agent: NO_AGENT, status: change(HEALTHY) });
    return (await find(CHECKS.find(({ id }) => id === 'ledger')!, surroundings)).fix!;
  };
  assert.match(await fixOf(skipped), /^the kernel skipped programs.* no setting is the reason/);
  assert.doesNotMatch(await fixOf(skipped), /ring/);
  assert.match(await fixOf(both), /larger ring.*; the kernel skipped programs/);
  assert.equal(await judged('processes', node), 'warn: 120 known, 2 in DIR/proc');
  const two: Change = (status) => ({ ...status, processes: { ...status.processes, running: 3 } });
  assert.equal(await judged('processes', node, two), 'ok: 3 known, 2 in DIR/proc');
});

/** Tells of the canary as told; nothing when `kinds` is empty. */
function telling(kinds: readonly EventJson['type'][]): DoctorAgent {
  return {
    ...NO_AGENT,
    async watch() {
      const argv = await findCanary();
      const ktime_ns = Number(boottimeNs());
      return {
        close() {},
        events: (async function* () {
          for (const type of kinds) yield sampleEvent({ type, argv, ktime_ns });
        })(),
      };
    },
  };
}

/** The marker is made inside: any argv that holds one is taken. */
async function findCanary(): Promise<string[]> {
  const marker = Object.assign(['x'], { includes: (text: string) => text.startsWith('cognitod-canary-') });
  return marker as string[];
}

test('canary: what was told, and what not', async (t) => {
  const node = fakeNode(t);
  const canary = (...kinds: EventJson['type'][]) => judged('canary', node, undefined, {}, telling(kinds));
  assert.match(
    await canary('fork', 'exec', 'exit'),
    /^ok: fork, exec, exit of a process of our own, \d+ ms after/,
  );
  assert.match(await canary('fork', 'exec'), /^warn: fork, exec .*but no exit$/);
  assert.match(await canary('fork'), /^fail: a process of our own was not told within 5 s$/);
});
