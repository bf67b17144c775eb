// `cognitod ps`, `tree` and `show` against an agent with hand-made processes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type ProcessJson, processSchema } from '../api/index.ts';
import { sampleActivity } from './fake-activity.fixture.ts';
import { documents, fakeAgent, run, sampleProcess, sampleStatus, sendJson } from './fake-agent.fixture.ts';

const HOST: Partial<ProcessJson> = {
  container_id: null,
  pod_uid: null,
  tags: [],
  provenance: 'not-a-container',
};
const init = sampleProcess({
  ...HOST,
  process_id: 'b-1-1',
  parent_process_id: null,
  pid: 1,
  ppid: 0,
  argv: ['/sbin/init'],
  born: 'snapshot',
});
const shell = sampleProcess({
  ...HOST,
  process_id: 'b-2-1',
  parent_process_id: 'b-1-1',
  pid: 2,
  ppid: 1,
  argv: ['bash'],
});
const worker = sampleProcess({ process_id: 'b-3-1', parent_process_id: 'b-2-1', pid: 3, ppid: 2 });
const thread = sampleProcess({
  ...HOST,
  process_id: 'b-4-1',
  parent_process_id: null,
  pid: 4,
  ppid: 0,
  kernel_thread: true,
  argv: null,
  comm: 'kthreadd',
});
const dead = sampleProcess({
  process_id: 'b-5-1',
  parent_process_id: 'b-1-1',
  pid: 5,
  ppid: 1,
  state: 'exited',
  exit_time: '2026-11-23T08:00:02.500000000Z',
  exit_code: null,
  exit_signal: 9,
  exit_signal_name: 'SIGKILL',
});

const page = (processes: readonly ProcessJson[], next_cursor: string | null = null) => ({
  schema_version: 1,
  processes,
  total: processes.length,
  next_cursor,
});
const withTree = (process: ProcessJson, tree: object[] = []) => ({ ...process, tree });

test('ps and tree go by the start, whatever the agent learned of first', async (t) => {
  const at = (second: number) => ({
    start_time: `2026-11-23T08:00:0${second}.000000000Z`,
    parent_process_id: null,
  });
  const known = [
    { ...worker, ...at(3) },
    { ...thread, ...at(1) },
    { ...init, ...at(1) },
    { ...shell, ...at(2) },
  ];
  const { api } = await fakeAgent(t, documents({ '/api/v1/processes': page(known) }));
  const { processes } = JSON.parse((await run(['ps', '--json', '--api', api])).stdout);
  assert.deepEqual(
    processes.map(({ pid }: ProcessJson) => pid),
    [1, 4, 2, 3],
  );
  const { stdout } = await run(['tree', '--api', api]);
  assert.deepEqual(stdout.match(/^\d+/gm), ['1', '4', '2', '3']);
});

test('the sample follows the contract', () => {
  processSchema.strict().parse(sampleProcess());
});

test('ps is a table; control characters in it are harmless', async (t) => {
  const hostile = sampleProcess({ ...HOST, pid: 6, argv: ['a\x1b[2J', 'b\nc'] });
  const { api } = await fakeAgent(
    t,
    documents({ '/api/v1/processes': page([init, worker, thread, dead, hostile]) }),
  );
  const { code, stdout } = await run(['ps', '--state', 'all', '--api', api]);
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/\d+d\d\dh|\d+h\d\dm|\d+m\d\ds|-?\d+\.\ds/, 'AGE'));
  assert.match(lines[0]!, /^PID +PPID +UID +AGE +STATE +WHERE +COMMAND$/);
  assert.match(lines[1]!, /^1 +0 +1000 +AGE +running +- +\/sbin\/init$/);
  assert.match(lines[2]!, / 1399d9c7\/4f5e6d7c8b9a +curl -s http:\/\/example\.org\/$/);
  assert.match(lines[3]!, / \[kthreadd\]$/);
  assert.match(lines[4]!, /^5 +1 +1000 +AGE +SIGKILL /);
  assert.match(lines[5]!, / 'a\\x1b\[2J' 'b\\nc'$/);
  assert.equal(
    new Set(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.search(/COMMAND|\/sbin/)),
    ).size,
    1,
  );
});

test('on a terminal a line is cut at its width', async (t) => {
  const { api } = await fakeAgent(
    t,
    documents({ '/api/v1/processes': page([sampleProcess({ argv: ['x'.repeat(500)] })]) }),
  );
  const { stdout } = await run(['ps', '--api', api], { terminal: { columns: 60 } });
  for (const line of stdout.trimEnd().split('\n')) assert.ok(line.length <= 60);
  assert.ok(stdout.includes('…'));
});

test('a terminal that tells 0 columns, as serial consoles do, is one that tells no width', async (t) => {
  const argv = ['x'.repeat(500)];
  const { api } = await fakeAgent(
    t,
    documents({
      '/api/v1/processes': page([sampleProcess({ argv })]),
      '/api/v1/activity': sampleActivity(),
      '/api/v1/status': sampleStatus(),
    }),
  );
  for (const command of [['ps'], ['top', '--once', '--interval', '1'], ['--help']]) {
    const argv = command[0] === '--help' ? command : [...command, '--api', api];
    const [none, zero] = [await run(argv), await run(argv, { terminal: { columns: 0 } })];
    assert.equal(stripVTControlCharacters(zero.stdout), none.stdout, command.join(' '));
  }
});

test('ps walks all pages, passes the filters on, and prints one document', async (t) => {
  const { api, requests } = await fakeAgent(t, (request, response) => {
    const cursor = new URL(request.url!, 'http://agent').searchParams.get('cursor');
    const next = { none: 'c1', c1: 'c2', c2: null }[cursor ?? 'none']!;
    sendJson(response, 200, page([sampleProcess({ pid: requests.length })], next));
  });
  const { stdout } = await run([
    'ps',
    '--json',
    '--uid',
    '0',
    '--comm',
    'sh',
    '--state',
    'exited',
    '--api',
    api,
  ]);
  const document = JSON.parse(stdout);
  assert.deepEqual(
    document.processes.map((process: ProcessJson) => process.pid),
    [1, 2, 3],
  );
  assert.equal(document.schema_version, 1);
  const queries = requests.map((request) => Object.fromEntries(new URL(request.url!, api).searchParams));
  const filters = { uid: '0', comm: 'sh', state: 'exited', limit: '1000' };
  assert.deepEqual(queries, [filters, { ...filters, cursor: 'c1' }, { ...filters, cursor: 'c2' }]);
});

test('--limit ends the walk', async (t) => {
  const { api, requests } = await fakeAgent(t, (_request, response) =>
    sendJson(response, 200, page([sampleProcess(), sampleProcess()], 'more')),
  );
  const { stdout } = await run(['ps', '--json', '--limit', '4', '--api', api]);
  assert.equal(JSON.parse(stdout).processes.length, 4);
  assert.deepEqual(
    requests.map((request) => new URL(request.url!, api).searchParams.get('limit')),
    ['4', '2'],
  );
});

test('start times above 2^53 ns keep all their digits in --json', async (t) => {
  const text = JSON.stringify(page([init])).replace(
    '"start_ktime_ns":5000000000',
    '"start_ktime_ns":9007199254740993',
  );
  const { api } = await fakeAgent(t, (_request, response) => sendJson(response, 200, text));
  assert.match((await run(['ps', '--json', '--api', api])).stdout, /"start_ktime_ns":9007199254740993,/);
  assert.match((await run(['tree', '--json', '--api', api])).stdout, /"start_ktime_ns":9007199254740993,/);
});

test('tree of the node: children under parents, orphans as roots of their own', async (t) => {
  const orphan = sampleProcess({
    ...HOST,
    process_id: 'b-9-1',
    parent_process_id: 'gone',
    pid: 9,
    argv: ['lost'],
  });
  const second = sampleProcess({
    ...HOST,
    process_id: 'b-6-1',
    parent_process_id: 'b-1-1',
    pid: 6,
    argv: ['cron'],
  });
  const { api } = await fakeAgent(
    t,
    documents({ '/api/v1/processes': page([init, shell, worker, thread, orphan, second]) }),
  );
  const { stdout } = await run(['tree', '--api', api]);
  assert.equal(
    stdout,
    [
      '1 /sbin/init',
      '├─ 2 bash',
      '│  └─ 3 curl -s http://example.org/  [1399d9c7/4f5e6d7c8b9a]',
      '└─ 6 cron',
      '4 [kthreadd]',
      '9 lost',
      '',
    ].join('\n'),
  );
  const { processes } = JSON.parse((await run(['tree', '--json', '--api', api])).stdout);
  assert.equal(processes[0].tree[0].tree[0].pid, 3);
});

test('a chain of 20,000 processes is drawn and printed', async (t) => {
  const chain = Array.from({ length: 20_000 }, (_, i) =>
    sampleProcess({
      ...HOST,
      pid: i + 1,
      process_id: `b-${i + 1}`,
      parent_process_id: i === 0 ? null : `b-${i}`,
      argv: ['x'],
    }),
  );
  const { api } = await fakeAgent(t, (request, response) => {
    const start = Number(new URL(request.url!, 'http://agent').searchParams.get('cursor') ?? 0);
    const end = start + 1000;
    sendJson(response, 200, page(chain.slice(start, end), end < chain.length ? String(end) : null));
  });
  const text = await run(['tree', '--api', api]);
  assert.equal(text.code, 0);
  assert.equal(text.stdout.split('\n').length, 20_001);
  assert.ok(text.stdout.length < 20_000 * 400);
  const json = await run(['tree', '--json', '--api', api]);
  assert.equal(json.code, 0);
  assert.equal(json.stdout.match(/"pid":/g)?.length, 1001, 'as deep as JSON parsers take');
  assert.equal(JSON.parse(json.stdout).truncated, true);
});

test('tree of a process: its ancestors above, its descendants below', async (t) => {
  const answer = {
    schema_version: 1,
    ancestors: [shell, init],
    process: withTree(worker, [withTree(dead)]),
    truncated: true,
  };
  const { api } = await fakeAgent(t, documents({ '/api/v1/processes/3/tree': answer }));
  const { stdout } = await run(['tree', '3', '--api', api]);
  const curl = 'curl -s http://example.org/  [1399d9c7/4f5e6d7c8b9a]';
  assert.equal(
    stdout,
    [
      '1 /sbin/init',
      '  2 bash',
      `    3 ${curl}`,
      `    └─ 5 ${curl}  (SIGKILL)`,
      '… (more than the agent answers at once)',
      '',
    ].join('\n'),
  );
  assert.deepEqual(JSON.parse((await run(['tree', '3', '--json', '--api', api])).stdout), answer);
});

test('a tree that is none is not taken for one', async (t) => {
  for (const process of [undefined, null, 7, worker, withTree(worker, [shell]), withTree(worker, [{}])]) {
    const { api } = await fakeAgent(
      t,
      documents({
        '/api/v1/processes/3/tree': { schema_version: 1, ancestors: [], process, truncated: false },
      }),
    );
    const { code, stderr } = await run(['tree', '3', '--api', api]);
    assert.equal(code, 4, JSON.stringify(process));
    assert.match(stderr, /has another form than expected/);
  }
});

const image = {
  exec_seq: 0,
  since: null,
  comm: 'bash',
  executable: '/bin/bash',
  argv: ['bash'],
  argv_truncated: false,
  source: 'inherited',
};
const detail = {
  ...worker,
  images: [image, { ...image, exec_seq: 1, since: '2026-11-23T08:00:00.1Z', argv: ['curl', '\x1b[2J'] }],
};
const showAnswers = {
  '/api/v1/processes': page([]),
  '/api/v1/processes/b-3-1': detail,
  '/api/v1/processes/b-3-1/tree': {
    schema_version: 1,
    ancestors: [shell, init],
    process: withTree(worker),
    truncated: false,
  },
};

test('show tells identity with its provenance, the images in time, and who started it', async (t) => {
  const { api } = await fakeAgent(t, documents(showAnswers));
  const { code, stdout } = await run(['show', 'b-3-1', '--api', api]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^process id +b-3-1\npid +3 \(12 in its namespace\)\nstate +running\nknown by +its fork\n/,
  );
  assert.match(
    stdout,
    /\ncontainer +4f5e6d7c8b9a0{52}\npod +1399d9c7-c86f-4371-8568-07b3d32258a4\nruntime +containerd\n/,
  );
  assert.match(stdout, /\nuser +uid 1000, euid 1000, gid 1000\ncapabilities +none\ncommand +curl /);
  assert.match(stdout, /\nprovenance +kernel-cgroup\ntags +k8s_pod:1399d9c7/);
  assert.match(
    stdout,
    /\nImages, oldest first\n {2}before the agent +bash\n {2}2026-11-23T08:00:00\.1Z +curl '\\x1b\[2J'\n/,
  );
  assert.match(stdout, /\nStarted by\n {2}2 +bash\n {2}1 +\/sbin\/init\n$/);
  const document = JSON.parse((await run(['show', 'b-3-1', '--json', '--api', api])).stdout);
  assert.deepEqual(document, { ...detail, ancestors: [shell, init], ended_children: [] });
});

test('show tells the children that have ended, and how many more there were', async (t) => {
  const ended = { ...dead, argv: ['ls', '/x'], start_time: '2026-11-23T08:00:02.499987000Z' };
  const { api, requests } = await fakeAgent(
    t,
    documents({ ...showAnswers, '/api/v1/processes': { ...page([ended]), total: 70 } }),
  );
  const { stdout } = await run(['show', 'b-3-1', '--api', api]);
  assert.match(stdout, /\nChildren that ended, newest first, 1 of 70\n {2}5 +ls \/x: SIGKILL after 13µs\n$/);
  const asked = requests.map(({ url }) => url).find((url) => url?.startsWith('/api/v1/processes?'));
  assert.match(asked!, /parent=b-3-1&state=exited&sort=newest/);
  const document = JSON.parse((await run(['show', 'b-3-1', '--json', '--api', api])).stdout);
  assert.deepEqual(document.ended_children, [ended]);
});

test('show names capabilities as a securityContext does', async (t) => {
  for (const [cap_effective, text] of [
    ['000001ffffffffff', 'all'],
    ['0000000000002400', 'NET_BIND_SERVICE, NET_RAW'],
    ['000001ffffdfffff', 'all but SYS_ADMIN'],
  ]) {
    const answers = { ...showAnswers, '/api/v1/processes/b-3-1': { ...detail, cap_effective } };
    const { api } = await fakeAgent(t, documents(answers));
    const { stdout } = await run(['show', 'b-3-1', '--api', api]);
    assert.equal(/^capabilities +(.*)$/m.exec(stdout)![1], text);
  }
});

test('an answer whose capabilities are none is refused', async (t) => {
  const answers = { ...showAnswers, '/api/v1/processes/b-3-1': { ...detail, cap_effective: 'all' } };
  const { api } = await fakeAgent(t, documents(answers));
  const { code, stderr } = await run(['show', 'b-3-1', '--api', api]);
  assert.equal(code, 4);
  assert.match(stderr, /has another form than expected/);
});

test('show tells the names of pod, workload and container, and who said them', async (t) => {
  const names = {
    namespace: 'shop',
    pod_name: 'web-7d9c',
    pod_labels: { app: 'web', version: '\x1b[2J' },
    workload_kind: 'Deployment',
    workload_name: 'web',
    container_name: 'main',
    image: 'registry.example/web:1',
    container_restart_count: 2,
    metadata_provenance: { pod: 'kube-api', container: 'cri', workload: 'kube-api' },
  };
  const answers = { ...showAnswers, '/api/v1/processes/b-3-1': { ...detail, ...names } };
  const { api } = await fakeAgent(t, documents(answers));
  const { stdout } = await run(['show', 'b-3-1', '--api', api]);
  assert.match(
    stdout,
    /\ncontainer +main \(4f5e\w+\)\npod +shop\/web-7d9c \(1399d9c7-\S+\)\nworkload +Deployment\/web\nimage +registry.example\/web:1\nrestarts +2\nlabels +app=web version=\\x1b\[2J\nnames from +kube-api \(pod\), cri \(container\), kube-api \(workload\)\n/,
  );
  const unnamed = { pod: 'pending', container: 'pending', workload: 'api-unreachable' };
  const early = { ...showAnswers, '/api/v1/processes/b-3-1': { ...detail, metadata_provenance: unnamed } };
  const second = await fakeAgent(t, documents(early));
  const text = (await run(['show', 'b-3-1', '--api', second.api])).stdout;
  assert.match(
    text,
    /\npod +1399d9c7-\S+\nworkload +unknown \(api-unreachable\)\nnames from +pending \(pod\)/,
  );
});

test('a pid that no running process has means the one that exited last with it', async (t) => {
  const older = { ...dead, process_id: 'b-3-0', exit_time: '2026-11-23T07:59:59.000000000Z' };
  const latest = { ...dead, process_id: 'b-3-1', exit_time: '2026-11-23T08:00:09.000000000Z' };
  const { api, requests } = await fakeAgent(
    t,
    documents({
      ...showAnswers,
      '/api/v1/processes': page([older, latest, { ...older, process_id: 'b-3-00' }]),
    }),
  );
  const { code, stdout } = await run(['show', '3', '--json', '--api', api]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).process_id, 'b-3-1');
  assert.match(requests[1]!.url!, /pid=3&state=exited/);
});

test('after the first answer show asks by identity, so that the pid may end and live again', async (t) => {
  const stranger = { ...init, process_id: 'b-3-9', pid: 3 };
  const { api, requests } = await fakeAgent(
    t,
    documents({
      ...showAnswers,
      '/api/v1/processes/3': detail,
      '/api/v1/processes/3/tree': {
        schema_version: 1,
        ancestors: [stranger],
        process: withTree(stranger),
        truncated: false,
      },
    }),
  );
  const { code, stdout } = await run(['show', '3', '--json', '--api', api]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { ...detail, ancestors: [shell, init], ended_children: [] });
  assert.deepEqual(
    requests.map((request) => request.url),
    [
      '/api/v1/processes/3',
      '/api/v1/processes/b-3-1/tree',
      '/api/v1/processes?parent=b-3-1&state=exited&sort=newest&limit=20',
    ],
  );
});

test('a process that nobody knows is exit code 6', async (t) => {
  const { api } = await fakeAgent(
    t,
    documents({ '/api/v1/processes': page([]), '/api/v1/activity': sampleActivity({ places: [] }) }),
  );
  // Of a pid those are asked for too that have ended.
  const noPid = /^cognitod: no process that runs, or has ended and is kept, has the pid 77\n.*ps --state all/;
  for (const [argv, says] of [
    [['show', '77'], noPid],
    [['tree', '77'], noPid],
    [['show', 'b-7-7'], /there is no live process/],
    [['show', '../status'], /no pod, workload or container is called «\.\.\/status»/],
    [['show', 'a/b?c'], /no pod, workload or container is called «a\/b\?c»/],
  ] as const) {
    const { code, stderr } = await run([...argv, '--api', api]);
    assert.equal(code, 6, argv.join(' '));
    assert.match(stderr, says);
  }
});
