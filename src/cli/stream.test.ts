// `cognitod stream` against an agent that behaves, and against several that do not.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { eventSchema, gapSchema } from '../api/index.ts';
import {
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

const GAP = {
  schema_version: 1,
  type: 'gap',
  time: '2026-11-23T08:00:01.250Z',
  lost: 1234,
  reason: 'slow-client',
};
const COGNITOD = join(import.meta.dirname, '../main.ts');

test('the samples of these tests follow the contract', () => {
  eventSchema.strict().parse(sampleEvent());
  gapSchema.strict().parse(GAP);
});

test('as JSON each record is a line, exactly as the agent sent it', async (t) => {
  // Spaces and digits that parsing and printing again would not keep.
  const odd = '{ "schema_version":1, "type":"exec", "ktime_ns":18446744073709551615, "comm":"a\\u0041" }';
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(
      response,
      `${READY}id: 1\nevent: exec\ndata: ${odd}\n\n${record('gap', GAP)}${record('exit', {})}`,
    ),
  );
  const { code, stdout, stderr } = await run(['stream', '--json', '--count', '2', '--api', api]);
  assert.equal(code, 0);
  assert.deepEqual(stdout.split('\n'), [odd, JSON.stringify(GAP), '{}', '']);
  assert.equal(stderr, `cognitod: connected to ${api}\n`);
});

test('as text each event is a line under a header, and a gap is loud', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('gap', GAP) + record('exec', sampleEvent())),
  );
  const { stdout } = await run(['stream', '--count', '1', '--api', api]);
  const lines = stdout.split('\n');
  assert.match(lines[0]!, /^TIME +EVENT +PID +PPID +UID +WHERE +COMMAND$/);
  assert.match(lines[1]!, /^!! [\d:]{8}\.250 1234 events are missing here: this client was too slow$/);
  assert.match(lines[2]!, / exec +4211 +4000 +1000 1399d9c7\/4f5e6d7c8b9a curl -s http:\/\/example\.org\/$/);
});

test('after the last event that is counted nothing is printed, though it has come already', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(
      response,
      READY + record('exec', { seq: 1 }) + record('exit', { seq: 2 }) + record('gap', GAP),
    ),
  );
  const { code, stdout } = await run(['stream', '--json', '--count', '1', '--api', api]);
  assert.deepEqual([code, stdout], [0, '{"seq":1}\n']);
});

test('an error is told after what was printed before it, however slow the reader', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('exec', { seq: 1 }) + record('exec', { seq: 2 }), true),
  );
  let printed = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      setTimeout(() => {
        printed += chunk;
        done();
      }, 50);
    },
  });
  const order: string[] = [];
  const onStderr = (text: string) => order.push(`${printed.length} ${/ended|connected/.exec(text)?.[0]}`);
  assert.equal(
    (await run(['stream', '--json', '--no-reconnect', '--api', api], { stdout, onStderr })).code,
    4,
  );
  assert.equal(printed, '{"seq":1}\n{"seq":2}\n');
  assert.deepEqual(order, ['0 connected', `${printed.length} ended`]);
});

test('filters go to the agent, and nothing else does', async (t) => {
  const { api, requests } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('exec', {})),
  );
  const filters = [
    '--type',
    'exec,exit',
    '--pod',
    'ab',
    '--container',
    'cd',
    '--uid',
    '0',
    '--comm',
    'a&b',
    '--pid',
    '7',
  ];
  await run(['stream', '--json', '--count', '1', '--api', api, ...filters]);
  const url = new URL(requests[0]!.url!, api);
  assert.equal(url.pathname, '/api/v1/events');
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    type: 'exec,exit',
    pod: 'ab',
    container: 'cd',
    uid: '0',
    comm: 'a&b',
    pid: '7',
  });
});

test('a comment is a sign that the subscription stands, and is not printed', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => sendStream(response, ': hello\n\n', true));
  const { stdout, stderr } = await run(['stream', '--json', '--no-reconnect', '--api', api]);
  assert.equal(stdout, '');
  assert.match(stderr, /^cognitod: connected to /);
});

test('--ready-fd gets «ready» and is closed, and standard error stays empty', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('exec', {})),
  );
  const folder = await mkdtemp(join(tmpdir(), 'cognitod-'));
  t.after(() => rm(folder, { recursive: true }));
  const fd = openSync(join(folder, 'ready'), 'w');
  const { code, stderr } = await run([
    'stream',
    '--json',
    '--count',
    '1',
    '--ready-fd',
    String(fd),
    '--api',
    api,
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(readFileSync(join(folder, 'ready'), 'utf8'), 'ready\n');
  assert.throws(() => closeSync(fd), /EBADF/);
});

test('a descriptor that is not open is a usage error, before the agent is asked', async (t) => {
  const { api, requests } = await fakeAgent(t, (_request, response) => sendStream(response, READY));
  const { code, stderr } = await run(['stream', '--ready-fd', '987', '--api', api]);
  assert.equal(code, 2);
  assert.match(stderr, /--ready-fd 987 cannot be written: EBADF/);
  assert.equal(requests.length, 0);
});

test('with --no-reconnect, when the agent ends the stream what came is printed and the exit code is 4', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('exec', { seq: 1 }), true),
  );
  const { code, stdout, stderr } = await run(['stream', '--json', '--no-reconnect', '--api', api]);
  assert.equal(code, 4);
  assert.equal(stdout, '{"seq":1}\n');
  const error = JSON.parse(stderr.trimEnd().split('\n').at(-1)!).error;
  assert.equal(error.code, 'API_UNREACHABLE');
  assert.match(error.message, /ended the stream/);
  assert.match(error.hint, /--retry/);
});

test('with --no-reconnect, when the connection breaks the exit code is 4', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => {
    sendStream(response, READY);
    setTimeout(() => response.socket!.resetAndDestroy(), 20);
  });
  const { code, stderr } = await run(['stream', '--no-reconnect', '--api', api]);
  assert.equal(code, 4);
  assert.match(stderr, /broke: the connection was cut/);
});

test('--retry connects again, says so, and announces the first time only on the descriptor', async (t) => {
  let times = 0;
  const { api } = await fakeAgent(t, (_request, response) => {
    times++;
    if (times === 2) sendProblem(response, 503, 'STREAMS_UNAVAILABLE', 'the agent is shutting down');
    else sendStream(response, READY + record('exec', { seq: times }), times === 1);
  });
  const { code, stdout, stderr } = await run(['stream', '--json', '--retry', '--count', '2', '--api', api]);
  assert.equal(code, 0);
  assert.equal(stdout, '{"seq":1}\n{"seq":3}\n');
  assert.deepEqual(
    stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(api, 'AGENT')),
    [
      'cognitod: connected to AGENT',
      'cognitod: the agent at AGENT ended the stream; trying again in 0.5 s',
      'cognitod: the agent at AGENT answers with an error (503): the agent is shutting down; trying again in 1 s',
      'cognitod: connected again to AGENT; it goes on where it broke off',
    ],
  );
});

test('a stream that breaks goes on after the last record, also one without an event', async (t) => {
  let times = 0;
  const { api, requests } = await fakeAgent(t, (_request, response) => {
    times++;
    if (times === 1) sendStream(response, `id: run-7\n${READY}${record('exec', { seq: 8 }, 8)}`);
    if (times === 2) sendStream(response, `${READY}: heartbeat\nid: run-9\n\n`, true);
    if (times === 3) sendStream(response, READY + record('gap', { ...GAP, lost: null, reason: 'other-run' }));
    if (times === 1) setTimeout(() => response.socket!.resetAndDestroy(), 20);
    if (times === 3) response.write(record('exit', { seq: 10 }));
  });
  const { code, stdout } = await run(['stream', '--json', '--count', '2', '--api', api]);
  assert.equal(code, 0);
  assert.deepEqual(
    requests.map(({ headers }) => headers['last-event-id']),
    [undefined, '8', 'run-9'],
  );
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.includes('seq')),
    ['{"seq":8}', '{"seq":10}'],
  );
});

test('a gap of unknown size says so', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(
      response,
      READY + record('gap', { ...GAP, lost: null, reason: 'other-run' }) + record('exec', sampleEvent()),
    ),
  );
  const { stdout } = await run(['stream', '--count', '1', '--api', api]);
  assert.match(stdout, /events may be missing here, nobody can say how many: the agent was restarted/);
});

test('with --retry the descriptor gets «ready» once, whatever often the agent comes back', async (t) => {
  let times = 0;
  const { api } = await fakeAgent(t, (_request, response) => {
    times++;
    sendStream(response, READY + record('exec', { seq: times }), times < 2);
  });
  const folder = await mkdtemp(join(tmpdir(), 'cognitod-'));
  t.after(() => rm(folder, { recursive: true }));
  const fd = openSync(join(folder, 'ready'), 'w');
  const { code, stdout, stderr } = await run([
    ...['stream', '--json', '--retry', '--count', '2', '--api', api],
    ...['--ready-fd', String(fd)],
  ]);
  assert.deepEqual([code, stdout], [0, '{"seq":1}\n{"seq":2}\n']);
  assert.match(stderr, /^cognitod: .* ended the stream; .*\ncognitod: connected again to .*\n$/);
  assert.equal(readFileSync(join(folder, 'ready'), 'utf8'), 'ready\n');
});

test('an agent that comes only later is waited for with --retry', async (t) => {
  const { api, requests } = await fakeAgent(t, (_request, response) => {
    if (requests.length === 1) response.socket!.destroy();
    else sendStream(response, READY + record('exec', { seq: 1 }));
  });
  const { code, stderr } = await run(['stream', '--json', '--retry', '--count', '1', '--api', api]);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^cognitod: .* the connection was cut; trying again in 0\.5 s, .*\n.*connected to .*\n$/,
  );
});

test('--retry does not try again what cannot succeed', async (t) => {
  const { api, requests } = await fakeAgent(t, (_request, response) =>
    sendProblem(response, 401, 'UNAUTHORIZED', 'no token'),
  );
  assert.equal((await run(['stream', '--retry', '--api', api])).code, 5);
  assert.equal(requests.length, 1);
});

test('an answer that is no event stream is not followed', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.write('<html>');
  });
  const { code, stderr } = await run(['stream', '--api', api]);
  assert.equal(code, 4);
  assert.match(stderr, /is not a cognitod agent .*: it answers with text\/html/);
});

test('as text, records that are no events end the stream with a clear error', async (t) => {
  for (const data of ['not json', '{"type":"exec"}', 'null']) {
    const { api } = await fakeAgent(t, (_request, response) =>
      sendStream(
        response,
        `${READY}${record('exit', sampleEvent({ type: 'exit' }))}event: exec\ndata: ${data}\n\n`,
      ),
    );
    const { code, stdout, stderr } = await run(['stream', '--api', api]);
    assert.equal(code, 4, data);
    assert.match(stderr, /a record of its stream cannot be read/);
    assert.match(stdout, /exit status unknown/, 'what came before is printed');
  }
});

test('as text, a newer stream is refused; records of unknown kinds are left out and not counted', async (t) => {
  const newer = await fakeAgent(t, (_request, response) =>
    sendStream(response, 'event: ready\ndata: {"schema_version":2}\n\n'),
  );
  assert.match((await run(['stream', '--api', newer.api])).stderr, /schema version 2, this client knows 1/);
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('incident', { a: 1 }) + record('exec', sampleEvent())),
  );
  const { stdout } = await run(['stream', '--count', '1', '--api', api]);
  assert.equal(stdout.trimEnd().split('\n').length, 2);
});

test('a record without an end does not fill the memory', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => {
    sendStream(response, `${READY}data: `);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(1024 * 1024)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  const { code, stderr } = await run(['stream', '--json', '--api', api]);
  assert.equal(code, 4);
  assert.match(stderr, /a record has no end/);
});

test('a reader that stops holds the agent up instead of filling our memory', async (t) => {
  const event = record('exec', sampleEvent({ argv: ['x'.repeat(1000)] }));
  let sentBytes = 0;
  const { api } = await fakeAgent(t, (_request, response) => {
    sendStream(response, READY);
    const more = () => {
      for (;;) {
        const text = event.repeat(50);
        sentBytes += text.length;
        if (!response.write(text)) break;
      }
      response.once('drain', more);
    };
    more();
  });
  let writtenBytes = 0;
  let release = () => {};
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      writtenBytes += chunk.length;
      release = done;
    },
  });
  const running = run(['stream', '--json', '--api', api], { stdout });
  let before = -1;
  while (sentBytes !== before) {
    before = sentBytes;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  // What the sockets of the kernel hold, several MB on loopback, but not more and more.
  assert.ok(sentBytes < 32 * 1024 * 1024, `${sentBytes} bytes were taken`);
  assert.ok(writtenBytes > 0 && stdout.writableLength < 1024 * 1024, `${stdout.writableLength} bytes wait`);
  release();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(writtenBytes < sentBytes);
  stdout.destroy();
  assert.equal((await running).code, 0);
});

test('60,000 events of 1 KB pass as JSON lines, all of them and unchanged', async (t) => {
  const events = 60_000;
  const data = JSON.stringify(sampleEvent({ argv: ['x'.repeat(200)] }));
  const { api } = await fakeAgent(t, async (_request, response) => {
    sendStream(response, READY);
    for (let seq = 0; seq < events; seq += 100) {
      const free = response.write(`id: 1\nevent: exec\ndata: ${data}\n\n`.repeat(100));
      if (!free) await new Promise((resolve) => response.once('drain', resolve));
    }
  });
  let bytes = 0;
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      bytes += chunk.length;
      done();
    },
  });
  const start = performance.now();
  assert.equal(
    (await run(['stream', '--json', '--count', String(events), '--api', api], { stdout })).code,
    0,
  );
  assert.equal(bytes, events * (data.length + 1));
  assert.ok(performance.now() - start < 20_000);
});

test('a slow reader with a small buffer gets all lines, in order and whole, as JSON and as text', async (t) => {
  const events = Array.from({ length: 500 }, (_, seq) =>
    sampleEvent({ seq, argv: ['é'.repeat(seq), `#${seq}`] }),
  );
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + events.map((event) => record('exec', event)).join('')),
  );
  for (const flags of [['--json'], []]) {
    const chunks: Buffer[] = [];
    const stdout = new Writable({
      highWaterMark: 16,
      write(chunk, _encoding, done) {
        chunks.push(chunk);
        setTimeout(done, 2);
      },
    });
    const { code } = await run(['stream', ...flags, '--count', '500', '--api', api], { stdout });
    assert.equal(code, 0);
    const lines = Buffer.concat(chunks).toString('utf8').trimEnd().split('\n');
    if (flags.length > 0)
      assert.deepEqual(
        lines,
        events.map((event) => JSON.stringify(event)),
      );
    else
      assert.deepEqual(
        lines.slice(1).map((line) => /#(\d+)'?(?: \[.*)?$/.exec(line)?.[1]),
        events.map(({ seq }) => String(seq)),
      );
  }
});

test('`| head` ends the stream quietly with 0, and so it ends other commands', async (t) => {
  const { api } = await fakeAgent(t, (request, response) => {
    if (request.url!.startsWith('/api/v1/events')) {
      sendStream(response, READY);
      const timer = setInterval(() => response.write(record('exec', sampleEvent())), 5);
      response.on('close', () => clearInterval(timer));
    } else if (request.url!.startsWith('/api/v1/status')) sendJson(response, 200, sampleStatus());
    else {
      const processes = Array.from({ length: 1000 }, () => sampleProcess());
      sendJson(response, 200, { schema_version: 1, processes, total: 1000, next_cursor: null });
    }
  });
  for (const argv of [['stream'], ['stream', '--json'], ['ps'], ['ps', '--json'], ['tree']]) {
    const child = spawn(process.execPath, [COGNITOD, ...argv, '--api', api], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.once('data', () => child.stdout.destroy());
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 0, argv.join(' '));
    assert.equal(stderr.replace(/^cognitod: connected to .*\n/, ''), '');
  }
});

test('an output that fails otherwise, such as a full disk, is an error', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) =>
    sendStream(response, READY + record('exec', {})),
  );
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    },
  });
  const { code, stderr } = await run(['stream', '--json', '--api', api], { stdout });
  assert.equal(code, 1);
  assert.match(stderr, /the output cannot be written: no space left on device/);
});
