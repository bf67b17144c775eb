// Whatever processes, their cgroups or an agent say: text for people has no control characters but line ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  documents,
  fakeAgent,
  READY,
  record,
  run,
  sampleEvent,
  sampleProcess,
  sampleStatus,
  sendJson,
  sendProblem,
  sendStream,
} from './fake-agent.fixture.ts';

const HOSTILE = 'a\nb\r\t\x1b[31mred\x1b]0;title\x07\x00\x7f\u009b2J\u202egnp\u2066\u200b\u2028\u{e0041}';
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\u{e0041}]/u;
/** Fields whose words or form the contract fixes. */
const FIXED = ['type', 'state', 'born', 'qos', 'kind', 'source', 'seccomp', 'cap_effective'];

/** The document with something hostile at the end of each of its texts. */
function poison(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return FIXED.includes(key) ? value : value + HOSTILE;
  if (Array.isArray(value)) return value.map((item) => poison(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poison(item, name)]));
}

function assertHarmless(text: string, lines: number) {
  assert.doesNotMatch(text, UNSAFE);
  assert.equal(text.split('\n').length - 1, lines, text);
}

const image = {
  exec_seq: 1,
  since: '2026-11-23T08:00:00.1Z',
  comm: 'sh',
  executable: '/bin/sh',
  argv: ['sh'],
  argv_truncated: false,
  source: 'ebpf',
};
const variants = [
  sampleProcess(),
  sampleProcess({ argv: null }),
  sampleProcess({ argv: null, executable: null }),
  sampleProcess({ kernel_thread: true }),
  sampleProcess({ pod_uid: null }),
  sampleProcess({ container_id: null, pod_uid: null, unit: 'ssh.service' }),
  sampleProcess({ state: 'exited', exit_time: '2026-11-23T08:00:02Z', exit_code: 1 }),
];

test('ps, tree and show print hostile processes without control characters', async (t) => {
  for (const process of variants) {
    const bad = poison({ ...process, images: [image] }) as typeof process;
    const tree = { schema_version: 1, ancestors: [bad], process: { ...bad, tree: [] }, truncated: false };
    const path = `/api/v1/processes/${bad.process_id}`;
    const { api } = await fakeAgent(
      t,
      documents({
        '/api/v1/processes': { schema_version: 1, processes: [bad], total: 1, next_cursor: null },
        '/api/v1/processes/7': bad,
        '/api/v1/processes/7/tree': tree,
        [path]: bad,
        [`${path}/tree`]: tree,
      }),
    );
    assertHarmless((await run(['ps', '--api', api])).stdout, 2);
    assertHarmless((await run(['tree', '--api', api])).stdout, 1);
    assertHarmless((await run(['tree', '7', '--api', api])).stdout, 2);
    const shown = await run(['show', '7', '--api', api]);
    assert.equal(shown.code, 0);
    assert.doesNotMatch(shown.stdout, UNSAFE);
    assert.equal(shown.stdout.match(/^process id /gm)?.length, 1);
  }
});

test('status prints hostile reasons and names without control characters', async (t) => {
  const bad = poison(sampleStatus({ ready: false, reasons: ['lost'] }));
  const { api } = await fakeAgent(t, documents({ '/api/v1/status': bad }));
  const good = await fakeAgent(
    t,
    documents({ '/api/v1/status': sampleStatus({ ready: false, reasons: ['lost'] }) }),
  );
  const lines = (await run(['status', '--api', good.api])).stdout.split('\n').length - 1;
  assertHarmless((await run(['status', '--api', api])).stdout, lines);
});

test('stream prints hostile events and gaps without control characters', async (t) => {
  const gap = { schema_version: 1, type: 'gap', time: '2026-11-23T08:00:01.250Z', lost: 1, reason: 'x' };
  const events = [
    sampleEvent(),
    sampleEvent({ argv: null }),
    sampleEvent({ argv: null, executable: null }),
    sampleEvent({ type: 'fork', container_id: null, pod_uid: null, unit: 'a.service' }),
    sampleEvent({ type: 'exit', exit_code: null, exit_signal: 9, exit_signal_name: 'SIGKILL' }),
  ];
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(
      response,
      READY +
        record('gap', poison(gap)) +
        events.map((event) => record(event.type, poison(event))).join('') +
        // Steers the terminal from within the digits of the time, from the type and from a count.
        record('exec', sampleEvent({ time: '2026-11-23T08:00:00\x1b[2J', type: HOSTILE as 'exec' })) +
        record('gap', { ...gap, time: '2026-11-23T08:00:00\x1b[2J', lost: HOSTILE }) +
        record('exec', sampleEvent()),
    ),
  );
  const { code, stdout } = await run(['stream', '--count', '7', '--api', api]);
  assert.equal(code, 0);
  assertHarmless(stdout, 10);
});

test('cgroup prints hostile paths without control characters', async () => {
  const { stdout } = await run(['cgroup', `/kubepods/${HOSTILE}`]);
  assert.doesNotMatch(stdout, UNSAFE);
  assert.match(stdout, / {2}unit +\/kubepods\/a\\nb\\r\\t/);
});

test('errors are told without control characters, whoever worded them', async (t) => {
  for (const status of [400, 401, 403, 404, 500, 503]) {
    const { api } = await fakeAgent(t, (_request, response) =>
      sendProblem(response, status, 'STREAMS_UNAVAILABLE', HOSTILE),
    );
    // Only of a process can an agent say that there is none.
    for (const argv of status === 404 ? [['show', 'b-7-7']] : [['status'], ['stream']]) {
      const { stdout, stderr } = await run([...argv, '--api', api]);
      assert.equal(stdout, '');
      assert.doesNotMatch(stderr, UNSAFE);
      assert.match(stderr, /\\x1b\[31mred/);
    }
  }
  for (const argv of [
    [HOSTILE],
    ['ps', `--${HOSTILE}`],
    ['ps', '--uid', HOSTILE],
    ['help', HOSTILE],
    ['status', '--api', HOSTILE],
    ['status', '--token-file', HOSTILE],
    ['status', '--config', HOSTILE],
    ['cgroup', `/proc/${HOSTILE}/cgroup`],
  ]) {
    const { code, stderr } = await run(argv);
    assert.notEqual(code, 0, argv.join(' '));
    assert.doesNotMatch(stderr, UNSAFE, argv[0]!);
  }
});

test('what --retry says while it waits has no control characters', async (t) => {
  let times = 0;
  const { api } = await fakeAgent(t, (_request, response) =>
    times++ === 0
      ? sendProblem(response, 503, 'STREAMS_UNAVAILABLE', HOSTILE)
      : sendStream(response, READY + record('exec', {})),
  );
  const { code, stderr } = await run(['stream', '--json', '--retry', '--count', '1', '--api', api]);
  assert.equal(code, 0);
  assertHarmless(stderr, 2);
});

test('with --json what is hostile arrives unchanged, and still in one document', async (t) => {
  const bad = sampleProcess({ argv: [HOSTILE], comm: HOSTILE });
  const { api } = await fakeAgent(t, (request, response) => {
    const page = { schema_version: 1, processes: [bad], total: 1, next_cursor: null };
    if (request.url!.startsWith('/api/v1/processes')) sendJson(response, 200, page);
    else sendProblem(response, 401, 'UNAUTHORIZED', HOSTILE);
  });
  const { stdout } = await run(['ps', '--json', '--api', api]);
  assert.deepEqual(JSON.parse(stdout).processes, [bad]);
  const refused = await run(['status', '--json', '--api', api]);
  assert.equal(refused.code, 5);
  assert.ok(JSON.parse(refused.stderr).error.message.endsWith(`refuses: ${HOSTILE}`));
});
