// `cognitod __complete` as the scripts ask it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { sampleActivity, samplePlace } from '../fake-activity.fixture.ts';
import { documents, fakeAgent, run, sampleProcess, sendJson } from '../fake-agent.fixture.ts';
import { ApiClient } from '../client.ts';
import { findPlace } from '../place.ts';
import { buildProgram } from '../program.ts';
import { sampleNode } from './sample-node.fixture.ts';
import { sourceOf } from '../option.ts';

/** What is offered for the last word, without the descriptions. */
async function offered(words: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const { code, stdout, stderr } = await run(['__complete', '--', ...words], { env });
  assert.deepEqual([code, stderr], [0, ''], words.join(' '));
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0]!);
}

async function node(t: TestContext) {
  const { api, requests } = await fakeAgent(t, sampleNode);
  return { ask: (...words: string[]) => offered(words, { COGNITOD_API: api }), api, requests };
}

const NO_AGENT = { COGNITOD_API: 'http://127.0.0.1:1' };

test('commands and their options, from the program itself', async () => {
  assert.deepEqual(await offered(['st']), ['stream', 'status']);
  assert.ok((await offered([''])).includes('completion'));
  assert.ok(!(await offered([''])).includes('__complete'));
  assert.ok((await offered(['--'])).includes('--version'));
  assert.deepEqual(await offered(['ps', '--st']), ['--state']);
  assert.deepEqual(await offered(['ps', '--state', 'exited', '--st']), [], 'given already');
  assert.deepEqual(await offered(['ps', '--state', '']), ['running', 'exited', 'all']);
  assert.deepEqual(await offered(['ps', '--state=ex']), ['--state=exited']);
  assert.deepEqual(await offered(['--json', 'stream', '--type', 'ex']), ['exec', 'exit']);
  assert.deepEqual(await offered(['stream', '--type', 'exec,']), ['exec,fork', 'exec,exit']);
  assert.deepEqual(await offered(['stream', '--type=exec,fork,e']), ['--type=exec,fork,exit']);
  assert.deepEqual(await offered(['completion', '']), ['bash', 'zsh', 'fish']);
  assert.deepEqual(await offered(['evidence', 'v']), ['verify']);
  assert.deepEqual(await offered(['help', 'stat']), ['status']);
  assert.deepEqual(await offered(['nosuch', '']), await offered(['']));
  assert.deepEqual(await offered([]), await offered(['']));
});

test('each option with a value and each argument has a decision on what completes it', () => {
  const program = buildProgram({} as never, { json: false } as never);
  for (const command of [program, ...program.commands]) {
    for (const option of command.options) {
      if (option.required || option.optional)
        assert.ok(sourceOf(option), `${command.name()} ${option.flags}`);
    }
    for (const argument of command.registeredArguments) {
      if (argument.name() === 'command') continue;
      assert.ok(sourceOf(argument), `${command.name()} <${argument.name()}>`);
    }
  }
});

test('pods, namespaces, workloads, containers, commands and pids, from the agent', async (t) => {
  const { ask } = await node(t);
  assert.deepEqual(await ask('ps', '--pod', ''), ['payments/api-7f9', 'payments/worker-1', 'shop/api-2c4']);
  assert.deepEqual(await ask('ps', '--pod=pay'), ['--pod=payments/api-7f9', '--pod=payments/worker-1']);
  assert.deepEqual(await ask('ps', '--pod', 'api'), ['api-7f9', 'api-2c4'], 'a pod without its namespace');
  assert.deepEqual(await ask('ps', '--namespace', ''), ['payments', 'shop'], 'each once');
  assert.deepEqual(await ask('ps', '--workload', ''), ['deployment/api', 'deployment/worker']);
  assert.deepEqual(await ask('ps', '--container', 'w'), ['worker-c']);
  assert.deepEqual(await ask('ps', '--container', '4f'), ['4f5e6d7c8b9a']);
  assert.deepEqual(await ask('ps', '--comm', ''), ['curl', 'kswapd0']);
  assert.deepEqual(await ask('ps', '--pid', '4'), ['4211', '4212']);
  assert.deepEqual(await ask('cgroup', '9'), ['977', ':files']);
  assert.deepEqual(
    await ask('cgroup', '977', '42'),
    ['4211', '4212', ':files'],
    'one argument after another',
  );
  assert.deepEqual(await ask('ps', '--config', ''), [':files']);
});

test('what may be a pod, a workload, a container or a process', async (t) => {
  const { ask, api } = await node(t);
  const pods = ['payments/api-7f9', 'payments/worker-1', 'shop/api-2c4'];
  const workloads = ['payments/deployment/api', 'deployment/worker', 'shop/deployment/api'];
  for (const command of ['ps', 'top', 'stream', 'tree', 'show'])
    assert.deepEqual(await ask(command, ''), [...pods, ...workloads], command);
  for (const place of [...pods, ...workloads])
    assert.ok(
      await findPlace(new ApiClient({ api: new URL(api), token: null }), place),
      'what is offered is understood',
    );
  assert.deepEqual(await ask('tree', '4'), ['4f5e6d7c8b9a', '4211', '4212']);
  assert.deepEqual(await ask('ps', '4'), ['4f5e6d7c8b9a'], 'of processes ps knows only where they run');
  assert.deepEqual(await ask('show', 'shop/api-2c4', ''), [], 'it takes one');
});

test('without names there are still containers, and without these processes', async (t) => {
  const process = {
    '/api/v1/processes': { schema_version: 1, processes: [sampleProcess()], total: 1, next_cursor: null },
  };
  const unnamed = samplePlace({ pod_name: null, namespace: null, workload_kind: null, workload_name: null });
  for (const [places, offers] of [
    [[unnamed], ['4f5e6d7c8b9a']],
    [[], ['4211']],
  ] as const) {
    const activity = sampleActivity({ places: [...places] });
    const { api } = await fakeAgent(t, documents({ '/api/v1/activity': activity, ...process }));
    assert.deepEqual(await offered(['show', ''], { COGNITOD_API: api }), offers);
  }
});

test('descriptions say what is meant, and nothing in them steers a terminal', async (t) => {
  const { api } = await node(t);
  const { stdout } = await run(['__complete', '--', 'ps', '--pid', ''], { env: { COGNITOD_API: api } });
  assert.deepEqual(stdout.split('\n'), [
    '4211\tcurl -s http://example.org/',
    String.raw`4212	'$(touch evil)' '\x1b[2J${'`touch evil`'}\nmore'`,
    '977\t[kswapd0]',
    String.raw`31	a\tb\n\x1b[2J`,
    '',
  ]);
});

test('the agent is the one that the command line names, also with its token', async (t) => {
  const { api, requests } = await node(t);
  for (const words of [
    ['--api', api, 'ps', '--pid', '9'],
    ['ps', `--api=${api}`, '--pid', '9'],
  ])
    assert.deepEqual(await offered(words, NO_AGENT), ['977']);
  await offered(['ps', '--api', api, '--pid', ''], { COGNITOD_TOKEN: 'secret-of-sixteen-characters' });
  assert.equal(requests.at(-1)!.headers.authorization, 'Bearer secret-of-sixteen-characters');
});

test('processes are asked for page by page', async (t) => {
  const { api } = await fakeAgent(t, (request, response) => {
    const second = request.url!.includes('cursor=next');
    const processes = [sampleProcess({ pid: second ? 12 : 11 })];
    sendJson(response, 200, { schema_version: 1, processes, total: 2, next_cursor: second ? null : 'next' });
  });
  assert.deepEqual(await offered(['ps', '--pid', ''], { COGNITOD_API: api }), ['11', '12']);
});

test('without an agent, with a wrong address or an unreadable token nothing is said and nothing fails', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => sendJson(response, 200, { nonsense: true }));
  for (const env of [
    NO_AGENT,
    { COGNITOD_API: 'ftp://x' },
    { COGNITOD_API: api },
    { COGNITOD_CONFIG: '/nonexistent.yaml' },
  ] as Record<string, string>[])
    assert.deepEqual(await offered(['ps', '--pod', ''], env), []);
  assert.deepEqual(await offered(['ps', '--token-file', '/nonexistent', '--pod', ''], NO_AGENT), []);
});

test('an agent that never ends its answer is left after the limit', { timeout: 30_000 }, async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const drip = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(drip));
  });
  assert.deepEqual(await offered(['ps', '--pod', ''], { COGNITOD_API: api }), []);
});
