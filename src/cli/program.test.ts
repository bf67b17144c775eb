// The command line itself: help, options before and after the command, JSON everywhere, colours, exit codes.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import type { AgentCommandOptions } from './deps.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { documents, fakeAgent, run, sampleStatus } from './fake-agent.fixture.ts';

const COMMANDS = [
  'agent',
  'stream',
  'ps',
  'tree',
  'show',
  'top',
  'status',
  'doctor',
  'evidence',
  'cgroup',
  'admission',
  'completion',
  'version',
  'help',
];

test('help of the program names every command, and help of each is enough to use it', async () => {
  const whole = await run(['--help']);
  assert.equal(whole.code, 0);
  assert.equal((await run(['help'])).stdout, whole.stdout);
  for (const name of COMMANDS) {
    assert.match(whole.stdout, new RegExp(`^  ${name} `, 'm'));
    const { code, stdout, stderr } = await run([name, '--help']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^Usage: cognitod ${name}`));
    assert.match(stdout, /\nExamples:\n {2}.*cognitod /);
    assert.match(stdout, /\n {2}--json /);
    for (const [exit, meaning] of Object.entries(EXIT_CODES))
      assert.ok(stdout.includes(`  ${exit}  ${meaning}\n`));
    assert.equal((await run(['help', name])).stdout, stdout);
  }
});

test('help as JSON is one document with every command, option, example and exit code', async () => {
  const { code, stdout } = await run(['help', '--json']);
  assert.equal(code, 0);
  const help = JSON.parse(stdout);
  assert.deepEqual(
    help.commands.map((command: { name: string }) => command.name),
    COMMANDS,
  );
  assert.deepEqual(help.exit_codes, JSON.parse(JSON.stringify(EXIT_CODES)));
  for (const command of help.commands) {
    assert.ok(command.description.length > 0 && command.examples.length > 0, command.name);
    assert.ok(command.options.some((option: { flags: string }) => option.flags === '--json'));
    const own = await run([command.name, '--help', '--json']);
    assert.equal(own.stdout, (await run(['help', command.name, '--json'])).stdout);
    const { exit_codes: _codes, schema_version: version, ...rest } = JSON.parse(own.stdout);
    assert.deepEqual(rest, command);
    assert.equal(version, 1);
  }
});

test('the version, as a command and as a flag, as text and as JSON', async () => {
  for (const argv of [['version'], ['--version'], ['-V']]) {
    assert.match((await run(argv)).stdout, /^cognitod 1\.2\.3 \(Node v\d+\.\d+\.\d+\)\n$/);
    const document = JSON.parse((await run([...argv, '--json'])).stdout);
    assert.equal(document.version, '1.2.3');
  }
});

test('wrong command lines are exit code 2, with a message and where to read on, also as JSON', async () => {
  for (const [argv, says] of [
    [['sttus'], /unknown command 'sttus'\n\(Did you mean status\?\)/],
    [['ps', '--colour', 'never'], /unknown option '--colour'/],
    [['ps', '--uid', 'root'], /--uid <n>' argument 'root' is invalid\. It must be a whole number/],
    [['ps', '--uid', '4294967296'], /is invalid/],
    [['ps', '--uid', '-1'], /is invalid/],
    [['ps', '--limit', '0'], /must be a whole number from 1/],
    [['ps', '--state', 'zombie'], /Allowed choices are running, exited, all/],
    [['ps', 'one', 'extra'], /too many arguments/],
    [['show'], /missing required argument 'what'/],
    [['stream', '--count', '0'], /is invalid/],
    [['stream', '--type'], /argument missing/],
    [['agent', '--collector', 'magic'], /Allowed choices are auto, ebpf, procfs/],
    [['help', 'nosuch'], /there is no command «nosuch»/],
  ] as const) {
    const { code, stdout, stderr } = await run(argv);
    assert.deepEqual([code, stdout], [2, ''], argv.join(' '));
    assert.match(stderr, says);
    assert.match(stderr, /\ncognitod: cognitod help/);
    const json = await run([
      ...argv.filter((word) => word !== '--type'),
      '--json',
      ...argv.filter((word) => word === '--type'),
    ]);
    assert.deepEqual([json.code, json.stdout], [2, '']);
    assert.equal(JSON.parse(json.stderr).error.code, 'USAGE');
  }
});

test('no command at all shows the help on standard error and is exit code 2', async () => {
  const { code, stdout, stderr } = await run([]);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /^Usage: cognitod/);
  assert.match(JSON.parse((await run(['--json'])).stderr).error.message, /no command/);
});

test('common options stand before or after the command', async (t) => {
  const { api } = await fakeAgent(t, documents({ '/api/v1/status': sampleStatus() }));
  const outputs = await Promise.all([
    run(['--json', '--api', api, 'status']),
    run(['status', '--json', '--api', api]),
    run(['--api', api, 'status', '--json']),
    run(['--json', 'status'], { env: { COGNITOD_API: api } }),
  ]);
  for (const { code, stdout } of outputs) {
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), sampleStatus());
  }
});

test('after -- nothing is an option', async () => {
  const { code, stdout } = await run(['cgroup', '--', '--json']);
  assert.equal(code, 0);
  assert.match(stdout, /^--json\n {2}container /);
  const json = await run(['cgroup', '--json', '--', '--help']);
  assert.equal(JSON.parse(json.stdout).unit, '--help');
});

test('status tells the ledger, and ends with 3 when not the whole node is seen', async (t) => {
  const { api } = await fakeAgent(t, documents({ '/api/v1/status': sampleStatus() }));
  const ready = await run(['status', '--api', api]);
  assert.equal(ready.code, 0);
  assert.match(ready.stdout, /^sees the whole node +yes\n/);
  assert.match(ready.stdout, /\nring +8 MiB, 0 B in use\n/);
  assert.match(
    ready.stdout,
    /\nledger +kernel +decoded +lost +skipped +pending\nfork +1,000 +1,000 +0 +0 +0\n/,
  );
  assert.match(ready.stdout, /30,000 of 30,000 in containers attributed \(100\.00 %\)\nnothing lost\n$/);

  const status = sampleStatus({ ready: false, reasons: ['12 events were lost in the last minute\x1b[2J'] });
  status.ledger.fork = { kernel: 1000, decoded: 988, lost: 12, skipped: 0, pending: 0 };
  status.ledger.containers.attributed = 29_999;
  status.tasks = [{ name: 'looking', failures: 7, failing: 'too many\x1b[2J', last_failure: null }];
  status.evidence.problem = 'evidence.jsonl was removed';
  const blind = await fakeAgent(t, documents({ '/api/v1/status': status }));
  const shown = await run(['status', '--api', blind.api]);
  assert.equal(shown.code, 3);
  assert.match(shown.stdout, /^sees the whole node +NO\n +12 events were lost in the last minute\\x1b\[2J\n/);
  assert.match(
    shown.stdout,
    /\nFAILING +looking, 7 times: too many\\x1b\[2J\nevidence +evidence.jsonl was removed\n/,
  );
  assert.match(shown.stdout, /\(99\.99 %\)\n12 events lost\n$/);
  assert.equal((await run(['status', '--json', '--api', blind.api])).code, 3);
});

test('the agent gets its options, flags as dotted paths of the configuration', async () => {
  let got: AgentCommandOptions | undefined;
  const runAgent = async (options: AgentCommandOptions) => {
    got = options;
    return 42;
  };
  const flags = [
    '--api-listen',
    ':1',
    '--ops-listen',
    ':2',
    '--collector',
    'procfs',
    '--proc-root',
    '/host/proc',
    '-q',
  ];
  const { code } = await run(['agent', '--config', 'c.yaml', '--check-config', '--json', ...flags], {
    runAgent,
  });
  assert.equal(code, 42);
  assert.deepEqual(got!.overrides, {
    'api.listen': ':1',
    'ops.listen': ':2',
    collector: 'procfs',
    proc_root: '/host/proc',
    'events.print': false,
  });
  assert.deepEqual([got!.configFile, got!.checkConfig, got!.json, got!.color], ['c.yaml', true, true, false]);
  await run(['agent'], { runAgent, env: { COGNITOD_CONFIG: 'd.yaml' } });
  assert.deepEqual([got!.configFile, got!.overrides], ['d.yaml', {}]);
});

test('an error that nobody foresaw is reported as a bug, with its trace', async () => {
  const runAgent = () => Promise.reject(new Error('impossible'));
  const { code, stderr } = await run(['agent'], { runAgent });
  assert.equal(code, 1);
  assert.match(stderr, /impossible\n {4}at [\s\S]*this is a bug: please report it\n$/);
  assert.equal(JSON.parse((await run(['agent', '--json'], { runAgent })).stderr).error.code, 'INTERNAL');
});

test('an output that cannot be written is told by every command; one that nobody reads by none', async () => {
  const failing = (code: string) =>
    new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('it failed'), { code }));
      },
    });
  for (const argv of [['version'], ['--version'], ['help'], ['ps', '--help'], ['cgroup', '/a']]) {
    const full = await run([...argv, '--json'], { stdout: failing('ENOSPC') });
    assert.equal(full.code, 1, argv.join(' '));
    assert.deepEqual(JSON.parse(full.stderr).error, {
      code: 'OUTPUT_FAILED',
      message: 'the output cannot be written: it failed',
      hint: 'is the disk full?',
    });
    const gone = await run(argv, { stdout: failing('EPIPE') });
    assert.deepEqual([gone.code, gone.stderr], [0, ''], argv.join(' '));
  }
});

test('colours: the flag, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal', async (t) => {
  const { api } = await fakeAgent(t, documents({ '/api/v1/status': sampleStatus() }));
  const terminal = { columns: 80 };
  const colored = async (argv: string[], options: Parameters<typeof run>[1]) =>
    (await run(['status', '--api', api, ...argv], options)).stdout.includes('\x1b[');
  assert.equal(await colored([], {}), false);
  assert.equal(await colored([], { terminal }), true);
  assert.equal(await colored([], { terminal, env: { TERM: 'dumb' } }), false);
  assert.equal(await colored([], { terminal, env: { NO_COLOR: '1' } }), false);
  assert.equal(await colored([], { terminal, env: { NO_COLOR: '' } }), true);
  assert.equal(await colored([], { env: { FORCE_COLOR: '1' } }), true);
  assert.equal(await colored([], { terminal, env: { FORCE_COLOR: '0' } }), false);
  assert.equal(await colored([], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }), false);
  assert.equal(await colored(['--color', 'always'], { env: { NO_COLOR: '1' } }), true);
  assert.equal(await colored(['--color', 'never'], { terminal, env: { FORCE_COLOR: '1' } }), false);
});
