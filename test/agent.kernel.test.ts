// The agent as a user runs it: start, stream, containers, losses, end. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  COUNTED_KINDS,
  eventSchema,
  type EventJson,
  missingIn,
  missingOf,
  statusSchema,
} from '../src/api/index.ts';
import {
  COGNITOD,
  type EventClient,
  openStream,
  type RunningAgent,
  runCognitod,
  startAgent,
} from './support/agent.ts';
import { programsOf, remaining } from './support/bpf-programs.ts';
import { findHierarchy, makeCgroup } from './support/cgroups.ts';
import { cannotUseBpf } from './support/observe.ts';
import { buildWorkload, EXIT_WITH, runWorkload, startWorkload, WORKLOAD } from './support/workload.ts';

const skip = cannotUseBpf();
let agent: RunningAgent;

before(async () => {
  buildWorkload();
  if (skip === false) agent = await startAgent();
});
after(() => agent?.stop());

async function withStream<T>(use: (stream: EventClient) => Promise<T>, args: string[] = []): Promise<T> {
  const stream = await openStream(agent, args);
  try {
    return await use(stream);
  } finally {
    await stream.stop();
  }
}

const familyOf = (events: readonly EventJson[], pid: number) => {
  const ids = new Set<string>();
  return events.filter((event) => {
    if (event.pid === pid || (event.parent_process_id !== null && ids.has(event.parent_process_id))) {
      ids.add(event.process_id);
      return true;
    }
    return false;
  });
};

test('status is ready, says how the node is watched, and follows the schema', { skip }, async () => {
  const status = statusSchema.parse(await agent.status());
  assert.equal(status.ready, true);
  assert.equal(status.collector.kind, 'ebpf');
  assert.deepEqual(
    status.collector.hooks.map((hook) => hook.split('/')[0]),
    ['tp_btf', 'tp_btf', 'tp_btf', 'tp_btf', 'tp_btf', 'tp_btf'],
  );
  assert.deepEqual(await agent.ready(), { status: 200, body: { ready: true, reasons: [] } });
});

test('every live process of /proc is in ps, once', { skip }, async () => {
  const { readdirSync, readFileSync } = await import('node:fs');
  const listed = await runCognitod(['ps', '--json', '--api', agent.api]);
  const pids = JSON.parse(listed.stdout).processes.map((process: { pid: number }) => process.pid);
  assert.equal(new Set(pids).size, pids.length);
  const alive = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      } catch {
        return false;
      }
    });
  const missing = alive.map(Number).filter((pid) => !pids.includes(pid));
  // Those that were born after the answer; they may have ended by now.
  const all = ['ps', '--json', '--state', 'all', '--api', agent.api];
  const again = JSON.parse((await runCognitod(all)).stdout).processes;
  assert.deepEqual(
    missing.filter((pid) => !again.some((process: { pid: number }) => process.pid === pid)),
    [],
  );
});

test('the stream shows a process from fork to exit, in the published form', { skip }, async () => {
  await withStream(async (stream) => {
    const { pid } = await runWorkload('execs', 3);
    await stream.until((events) => events.some((event) => event.pid === pid && event.type === 'exit'));
    const family = familyOf(stream.events, pid);
    for (const event of family) eventSchema.strict().parse(event);
    const execs = family.filter((event) => event.type === 'exec' && event.argv?.[0] === 'exit-with');
    assert.deepEqual(
      execs.map((event) => event.argv),
      [
        ['exit-with', '0', '0'],
        ['exit-with', '1', '1'],
        ['exit-with', '2', '2'],
      ],
    );
    for (const exec of execs) {
      const life = family.filter((event) => event.process_id === exec.process_id);
      assert.deepEqual(
        life.map((event) => event.type),
        ['fork', 'exec', 'exit'],
      );
      assert.equal(life[0]!.executable, WORKLOAD, 'after a fork the image is still the parent’s');
      assert.equal(life[2]!.exit_code, Number(exec.argv![1]));
      assert.equal(life[2]!.executable, EXIT_WITH);
      assert.ok(life[2]!.lifetime_ns! > 0);
      assert.equal(exec.source, 'ebpf');
    }
    assert.deepEqual(stream.gaps, []);
  });
});

test('filters of the stream are kept by the server', { skip }, async () => {
  await withStream(
    async (stream) => {
      const { pid } = await runWorkload('execs', 5);
      await stream.until((events) => events.filter((event) => event.comm === 'exit-with').length === 5);
      assert.ok(stream.events.every((event) => event.type === 'exec' && event.comm === 'exit-with'));
      assert.ok(pid > 0);
    },
    ['--type', 'exec', '--comm', 'exit-with'],
  );
});

test('show tells the images and ancestors of an exited process; an unknown one is exit code 6', {
  skip,
}, async () => {
  const id = await withStream(async (stream) => {
    const { facts } = await runWorkload('chain', 3);
    await stream.until((events) =>
      events.some((event) => event.pid === facts[0]!.pid && event.type === 'exit'),
    );
    return stream.events.find((event) => event.pid === facts[0]!.pid)!.process_id;
  });
  const shown = JSON.parse((await runCognitod(['show', id, '--json', '--api', agent.api])).stdout);
  assert.equal(shown.state, 'exited');
  assert.equal(shown.exec_seq, 3);
  assert.equal(shown.images.length, 4);
  assert.ok(shown.ancestors.length >= 1);
  const unknown = await runCognitod(['show', '4194000', '--api', agent.api]);
  assert.equal(unknown.code, 6);
  assert.match(unknown.stderr, /no process that runs, or has ended and is kept, has the pid 4194000/);
});

test('20,000 execs at full speed reach one client whole, with their forks and exits', { skip }, async () => {
  await withStream(async (stream) => {
    const { pid } = await runWorkload('execs', 20_000, 2);
    await stream.until(
      (events) => events.some((event) => event.pid === pid && event.type === 'exit'),
      60_000,
    );
    assert.deepEqual(stream.gaps, []);
    const family = familyOf(stream.events, pid).filter((event) => event.pid !== pid);
    const count = (type: string) => family.filter((event) => event.type === type).length;
    assert.deepEqual([count('fork'), count('exec'), count('exit')], [20_002, 20_000, 20_002]);
    const seqs = stream.events.map((event) => event.seq);
    assert.equal(seqs.at(-1)! - seqs[0]! + 1, seqs.length, 'no hole in the sequence');
  });
  const { ledger } = await agent.status();
  assert.equal(missingIn(ledger), 0);
});

const UID = '1399d9c7-c86f-4371-8568-07b3d32258a4';
for (const [kind, path] of [
  ['v2', `kubepods/burstable/pod${UID}`],
  ['memory', `kubepods/besteffort/pod${UID}`],
] as const) {
  const root = findHierarchy(kind);
  const reason = skip || (root === undefined ? `no ${kind} hierarchy is mounted` : false);
  test(`processes in a container of the ${kind} hierarchy are attributed, all of them`, {
    skip: reason,
  }, async () => {
    const containerId = (kind === 'v2' ? 'a1b2c3d4' : 'e5f60718').repeat(8);
    const cgroup = makeCgroup(root!, `${path}/${containerId}`);
    try {
      await withStream(async (stream) => {
        const before = (await agent.status()).ledger.containers;
        const command = `echo $$ > ${cgroup.procsFile} && exec ${WORKLOAD} ${EXIT_WITH} execs 1000 2`;
        const child = spawn('/bin/sh', ['-c', command], { stdio: 'ignore' });
        await new Promise((resolve) => child.on('exit', resolve));
        await stream.until((events) =>
          events.some((event) => event.pid === child.pid && event.type === 'exit'),
        );
        const inside = familyOf(stream.events, child.pid!).filter(
          (event) => event.pid !== child.pid || event.executable === WORKLOAD,
        );
        assert.ok(inside.length >= 3004, `${inside.length} events`);
        const qos = kind === 'v2' ? 'burstable' : 'besteffort';
        for (const event of inside) {
          assert.equal(event.container_id, containerId);
          assert.equal(event.pod_uid, UID);
          assert.equal(event.provenance, 'kernel-cgroup');
          assert.deepEqual(event.tags, [
            `k8s_pod:${UID}`,
            `container:${containerId.slice(0, 12)}`,
            `cgroup:kubepods-${qos}`,
          ]);
        }
        const after = (await agent.status()).ledger.containers;
        assert.equal(after.seen - before.seen, inside.length);
        assert.equal(after.attributed - before.attributed, inside.length);
      });
    } finally {
      await cgroup.remove();
    }
  });
}

test('a process that is put into a container is shown in it, before it does anything there', {
  skip: skip || (findHierarchy('v2') === undefined ? 'no v2 hierarchy is mounted' : false),
}, async () => {
  const containerId = 'c0ffee11'.repeat(8);
  const cgroup = makeCgroup(findHierarchy('v2')!, `kubepods/burstable/pod${UID}/${containerId}`);
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    await new Promise((resolve) => child.on('spawn', resolve));
    const before = (await agent.status()).ledger.move;
    const seenIn = async () => {
      const listed = await runCognitod(['ps', '--json', '--pid', String(child.pid), '--api', agent.api]);
      return JSON.parse(listed.stdout).processes[0].container_id;
    };
    assert.equal(await seenIn(), null);
    writeFileSync(cgroup.procsFile, String(child.pid));
    assert.equal(await seenIn(), containerId);
    const { move } = (await agent.status()).ledger;
    assert.ok(move.decoded > before.decoded);
    assert.equal(missingOf(move), 0);
  } finally {
    child.kill('SIGKILL');
    await ended;
    await cgroup.remove();
  }
});

test('hostile arguments survive the whole way and secrets do not', { skip }, async () => {
  await withStream(async (stream) => {
    const hex = (text: string) => Buffer.from(text).toString('hex');
    const { facts } = await runWorkload(
      'argv',
      hex('x'),
      hex('0'),
      'ff',
      hex('"\\\n\x1b[2J</script>'),
      hex('--password=hunter2'),
    );
    await stream.until((events) =>
      events.some((event) => event.pid === facts[0]!.pid && event.type === 'exec'),
    );
    const exec = stream.events.find((event) => event.pid === facts[0]!.pid && event.type === 'exec')!;
    assert.deepEqual(exec.argv, ['x', '0', '\\xff', '"\\\n\x1b[2J</script>', '--password=***']);
    assert.equal(exec.argv_masked, 1);
    assert.ok(!JSON.stringify(stream.events.filter((e) => e.pid === facts[0]!.pid)).includes('hunter2'));
  });
});

test('two lives of one pid are two processes with two histories', { skip }, async () => {
  const wanted = 30_777;
  const lives = await withStream(async (stream) => {
    await runWorkload('reuse-pid', wanted);
    await stream.until(
      (events) => events.filter((event) => event.pid === wanted && event.type === 'exit').length === 2,
    );
    return [
      ...new Set(stream.events.filter((event) => event.pid === wanted).map((event) => event.process_id)),
    ];
  });
  assert.equal(lives.length, 2);
  const shown = await Promise.all(
    lives.map(async (id) =>
      JSON.parse((await runCognitod(['show', id, '--json', '--api', agent.api])).stdout),
    ),
  );
  assert.deepEqual(
    shown.map((process) => [process.argv[2], process.exit_code]),
    [
      ['first', 51],
      ['second', 52],
    ],
  );
});

test('when the agent is stopped and the ring overflows, the loss is exact and told, and the table heals', {
  skip,
}, async () => {
  const small = await startAgent({ env: { COGNITOD_KERNEL_RING_BYTES: '64KiB' } });
  try {
    small.kill('SIGSTOP');
    await runWorkload('execs', 2000, 2);
    const held = startWorkload('hold', 10);
    await held.ready;
    small.kill('SIGCONT');
    let status = await small.status();
    const deadline = Date.now() + 15_000;
    while (status.ledger.healed.fork_unseen < 10 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      status = await small.status();
    }
    for (const kind of ['fork', 'exec', 'exit'] as const) {
      assert.ok(status.ledger[kind].lost > 1000, `${status.ledger[kind].lost} ${kind}s lost`);
    }
    for (const kind of COUNTED_KINDS) {
      const row = status.ledger[kind];
      assert.equal(row.decoded + missingOf(row) + row.pending, row.kernel, kind);
    }
    assert.ok(status.ledger.healed.fork_unseen >= 10, 'the holders are adopted');
    const listed = JSON.parse((await runCognitod(['ps', '--json', '--api', small.api])).stdout).processes;
    assert.equal(listed.filter((process: { ppid: number }) => process.ppid === held.pid).length, 10);
    const { status: code, body } = await small.ready();
    assert.equal(code, 503);
    assert.match(body.reasons.join(), /events were lost/);
    assert.equal(status.ready, false);
    assert.match(await small.metrics(), /^cognitod_events_lost_total\{type="exec"\} [1-9]/m);
    const shown = await runCognitod(['status', '--api', small.api]);
    assert.equal(shown.code, 3);
    assert.match(shown.stdout, /events lost/);
    await held.finish();
  } finally {
    await small.stop();
  }
});

test('two agents on other ports do not disturb each other', { skip }, async () => {
  const second = await startAgent();
  try {
    await runWorkload('forks', 100);
    for (const one of [agent, second]) {
      const { ledger } = await one.status();
      assert.equal(missingIn(ledger), 0);
      assert.ok(ledger.fork.decoded >= 100);
    }
  } finally {
    await second.stop();
  }
});

/** Fork, exec, exit, three of cgroups, the list of tasks; on Linux 7 exec and exit have copies. */
const FEWEST_PROGRAMS = 7;

test('the end prints the ledger, exits with 0 and leaves no program in the kernel', { skip }, async () => {
  const own = await startAgent();
  const programs = programsOf(own.pid);
  const { collector } = await own.status();
  await runWorkload('forks', 50);
  const end = await own.stop();
  assert.ok(programs.length >= FEWEST_PROGRAMS);
  assert.equal(programs.length, collector.programs.length);
  assert.equal(end.code, 0);
  assert.ok(end.ledger!.fork.decoded >= 50);
  assert.equal(missingIn(end.ledger!), 0);
  for (const kind of COUNTED_KINDS) {
    const { kernel, decoded, pending } = end.ledger![kind];
    assert.deepEqual([decoded, pending], [kernel, 0], kind);
  }
  assert.deepEqual(await remaining(programs), []);
});

test('kill -9 leaves nothing attached', { skip }, async () => {
  const own = await startAgent();
  const programs = programsOf(own.pid);
  own.kill('SIGKILL');
  await own.ended;
  assert.ok(programs.length >= FEWEST_PROGRAMS);
  assert.deepEqual(await remaining(programs), []);
});

test('a signal at any moment of the start ends the agent in order', { skip }, async () => {
  for (const delayMs of [20, 120, 220, 320, 420, 520]) {
    const child = spawn(
      COGNITOD,
      ['agent', '--quiet', '--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    setTimeout(() => child.kill('SIGTERM'), delayMs);
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.on('close', (...how) => resolve(how)),
    );
    assert.ok(code === 0 || signal === 'SIGTERM', `after ${delayMs} ms: ${code} ${signal}`);
    assert.equal(stderr, '');
  }
});
