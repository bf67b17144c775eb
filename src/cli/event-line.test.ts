// One event, one line: alignment, colours, and arguments that try to steer the terminal.
import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { test } from 'node:test';
import fc from 'fast-check';
import { EVENT_HEADER, exitText, formatEventLine, formatGapLine } from './event-line.ts';
import { sampleEvent } from './fake-agent.fixture.ts';
import { painter } from './text.ts';

const plain = painter(false);
const colored = painter(true);

/** Without the time, which is local. */
const lineOf = (...args: Parameters<typeof sampleEvent>) =>
  formatEventLine(sampleEvent(...args), plain).slice(12);

test('each kind of event has its line, with columns that stand under the header', () => {
  const where = '1399d9c7/4f5e6d7c8b9a';
  assert.equal(lineOf(), ` exec     4211    4000  1000 ${where} curl -s http://example.org/`);
  assert.equal(lineOf({ type: 'fork' }), ` fork     4211    4000  1000 ${where} curl`);
  assert.equal(
    lineOf({ type: 'exit', exit_code: 0, exit_signal: null, lifetime_ns: 1_240_000 }),
    ` exit     4211    4000  1000 ${where} curl: exit 0 after 1.24ms`,
  );
  assert.equal(EVENT_HEADER.indexOf('COMMAND'), 12 + lineOf().indexOf('curl'));
});

test('the time is that of day, with milliseconds', () => {
  assert.match(formatEventLine(sampleEvent(), plain), /^\d\d:\d\d:00\.123 exec/);
});

test('the place is pod and container, or the unit, cut to its column, or a hyphen', () => {
  const host = { container_id: null, pod_uid: null };
  assert.match(lineOf({ pod_uid: null }), / 1000 4f5e6d7c8b9a {10}curl/);
  assert.match(lineOf({ ...host, unit: 'ssh.service' }), / 1000 ssh\.service {11}curl/);
  assert.match(
    lineOf({ ...host, unit: 'a-service-with-a-long-name.service' }),
    / 1000 a-service-with-a-lon… curl/,
  );
  assert.match(lineOf(host), / 1000 - {21}curl/);
});

test('an exit tells the status, the signal, or that neither is known', () => {
  assert.equal(exitText({ exit_code: 3, exit_signal: null }), 'exit 3');
  assert.equal(
    exitText({ exit_code: null, exit_signal: 11, exit_signal_name: 'SIGSEGV', core_dumped: true }),
    'killed by SIGSEGV (core dumped)',
  );
  assert.equal(exitText({ exit_code: null, exit_signal: 40, exit_signal_name: null }), 'killed by signal 40');
  assert.equal(exitText({ exit_code: null, exit_signal: null }), 'exit status unknown');
  assert.equal(exitText({}), 'exit status unknown');
});

test('a program that does not run under its own name is marked; a script and a login shell are not', () => {
  assert.match(lineOf({ executable: '/tmp/x', argv: ['nginx', '-g'] }), /nginx -g \[runs \/tmp\/x\]$/);
  assert.match(lineOf({ executable: './job.sh', argv: ['/bin/sh', './job.sh'] }), /\/bin\/sh \.\/job\.sh$/);
  assert.match(lineOf({ executable: '/bin/bash', argv: ['-bash'] }), /-bash$/);
});

test('what is odd about an image is marked', () => {
  assert.match(lineOf({ memfd: true, deleted: true }), /\[memfd\]$/);
  assert.match(lineOf({ deleted: true, upper_layer: true }), /\[deleted, not from the image\]$/);
  assert.match(
    lineOf({ executable: '/dev/fd/3', argv: ['curl'], file_name: 'memfd:a\n', memfd: true }),
    /curl \[runs \/dev\/fd\/3, is memfd:a\\n, memfd\]$/,
  );
  assert.match(lineOf({ argv_truncated: true }), /\[truncated\]$/);
  assert.match(lineOf({ argv: [], argv_unreadable: true }), / \/usr\/bin\/curl \[argv unreadable\]$/);
  assert.match(lineOf({ argv: null, executable: null }), / curl$/);
});

test('arguments are quoted as one would type them, so that their borders are seen', () => {
  assert.match(
    lineOf({ comm: 'sh', executable: '/bin/sh', argv: ['sh', '-c', 'echo "hi"', '', "it's"] }),
    / sh -c 'echo "hi"' '' 'it'\\''s'$/,
  );
});

test('control characters in arguments, names and units are shown as escapes', () => {
  const hostile = '\x1b]0;owned\x07\x1b[2J\n\r\t\x00\x7f\u009b1m\u202egnp\u200b\u2028\u{e0041}';
  const shown =
    '\\x1b]0;owned\\x07\\x1b[2J\\n\\r\\t\\x00\\x7f\\x9b1m\\u{202e}gnp\\u{200b}\\u{2028}\\u{e0041}';
  assert.ok(lineOf({ argv: ['curl', hostile] }).endsWith(`curl '${shown}'`));
  assert.ok(lineOf({ type: 'fork', comm: hostile }).endsWith(shown));
  assert.ok(lineOf({ type: 'exit', comm: hostile }).includes(`${shown}: `));
  assert.ok(lineOf({ argv: null, executable: hostile }).endsWith(shown));
  assert.ok(lineOf({ container_id: null, pod_uid: null, unit: '\x1b[31m' }).includes(' \\x1b[31m '));
});

test('whatever a process calls itself, a line stays one line without control characters', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 });
  fc.assert(
    fc.property(
      fc.constantFrom('fork', 'exec', 'exit'),
      text,
      fc.array(text),
      text,
      text,
      (type, comm, argv, executable, unit) => {
        const event = sampleEvent({ type, comm, argv, executable, unit, container_id: unit, pod_uid: comm });
        assert.doesNotMatch(
          formatEventLine(event, plain),
          /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/,
        );
        assert.equal(
          stripVTControlCharacters(formatEventLine(event, colored)),
          formatEventLine(event, plain),
        );
      },
    ),
  );
});

test('colours: a fork is dim, an exec bright, a failed exit red, a gap bold red', () => {
  assert.ok(formatEventLine(sampleEvent({ type: 'fork' }), colored).startsWith('\x1b[2m'));
  assert.ok(formatEventLine(sampleEvent(), colored).includes('\x1b[1mcurl -s'));
  const exit = (fields: object) => formatEventLine(sampleEvent({ type: 'exit', ...fields }), colored);
  assert.ok(!exit({ exit_code: 0 }).includes('\x1b[31m'));
  assert.ok(exit({ exit_code: 1 }).includes('\x1b[31m'));
  assert.ok(exit({ exit_code: null, exit_signal: 9, exit_signal_name: 'SIGKILL' }).includes('\x1b[31m'));
  const gap = {
    schema_version: 1,
    type: 'gap',
    time: '2026-11-23T08:00:01.250Z',
    lost: 2,
    reason: 'buffer-expired',
  } as const;
  assert.match(
    formatGapLine(gap, colored),
    /^\x1b\[1m\x1b\[31m!! .* 2 events are missing here: they are no longer kept/,
  );
});

test('a line costs a few microseconds', () => {
  const events = Array.from({ length: 20_000 }, (_, pid) => sampleEvent({ pid }));
  for (const event of events) formatEventLine(event, colored);
  const start = performance.now();
  for (const event of events) formatEventLine(event, colored);
  const microseconds = ((performance.now() - start) * 1000) / events.length;
  // On an idle core 2 to 4; the bound leaves room for a busy one.
  assert.ok(microseconds < 50, `${microseconds} µs`);
});
