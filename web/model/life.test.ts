// The life of a process, from what the agent tells of it and of its children.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventJson, ProcessJson } from '../../src/api/index.ts';
import { lifeOf } from './life.ts';

const at = (second: string) => `2026-01-01T00:00:${second}00000000Z`;
const image = { exec_seq: 1, comm: 'x', executable: null, argv_truncated: false };
const shell = {
  process_id: 'p1',
  pid: 1,
  born: 'fork',
  state: 'exited',
  start_time: at('10.0'),
  exit_time: at('20.0'),
  exit_code: 3,
  exit_signal: null,
  exit_signal_name: null,
  images: [
    { ...image, since: at('10.0'), argv: ['old'], source: 'inherited' },
    { ...image, since: at('12.5'), argv: ['make', 'all'], source: 'ebpf' },
  ],
} as unknown as ProcessJson;
const child = {
  process_id: 'p2',
  state: 'running',
  start_time: at('15.0'),
  exit_time: null,
  exit_code: null,
  exit_signal: null,
  exit_signal_name: null,
  argv: ['cc'] as string[],
  comm: 'cc',
  kernel_thread: false,
} as const;
const event = (changes: Partial<EventJson>) =>
  ({ comm: 'sh', argv: null, kernel_thread: false, ...changes }) as EventJson;

test('fork, execs, children and exit are in the order of time, at their places', () => {
  const seen = [
    event({ type: 'fork', process_id: 'p3', time: at('16.0') }),
    event({ type: 'exec', process_id: 'p3', time: at('16.1'), argv: ['ls', '/x'] }),
    event({ type: 'exit', process_id: 'p3', time: at('16.2'), exit_code: 2, lifetime_ns: 2e8 }),
    event({ type: 'exit', process_id: 'p1', time: at('20.0'), exit_code: 3 }),
  ];
  const { moments, running } = lifeOf(shell, [child], seen, at('59.0'));
  assert.equal(running, false);
  assert.deepEqual(
    moments.map(({ kind, text, place }) => [kind, text, Math.round(place * 100)]),
    [
      ['start', 'forked', 0],
      ['exec', 'make all', 25],
      ['child', 'cc', 50],
      ['child', 'ls /x: exit 2 after 200ms', 60],
      ['exit', 'exit 3', 100],
    ],
  );
  assert.equal(moments[3]!.processId, 'p3');
});

test('children that ended before anybody looked are told with their end, and once', () => {
  const gone = { ...child, process_id: 'p4', state: 'exited', exit_time: at('15.5'), exit_code: 1 } as const;
  const killed = {
    ...gone,
    process_id: 'p5',
    exit_code: null,
    exit_signal: 9,
    exit_signal_name: 'SIGKILL',
  } as const;
  const seen = [
    event({ type: 'exit', process_id: 'p4', time: at('15.5'), exit_code: 1, lifetime_ns: 5e8 }),
    event({
      type: 'exit',
      process_id: 'p6',
      time: at('18.0'),
      exit_code: 0,
      lifetime_ns: 2e9,
      argv: ['sleep', '2'],
    }),
  ];
  const { moments } = lifeOf(shell, [gone, killed], seen, at('59.0'));
  assert.deepEqual(
    moments.filter(({ kind }) => kind === 'child').map(({ text, place }) => [text, Math.round(place * 100)]),
    [
      ['cc: exit 1 after 500ms', 50],
      ['cc: SIGKILL after 500ms', 50],
      // Began before its only event, the exit.
      ['sleep 2: exit 0 after 2.0s', 60],
    ],
  );
});

test('a process that has no length yet, and one with thousands of children, can be drawn', () => {
  const young = { ...shell, state: 'running', exit_time: null, images: [] } as unknown as ProcessJson;
  assert.deepEqual(
    lifeOf(young, [], [], at('10.0')).moments.map(({ place }) => place),
    [0],
  );
  const children = Array.from({ length: 5_000 }, (_, index) => ({ ...child, process_id: `c${index}` }));
  const { moments, more } = lifeOf(shell, children, [], at('59.0'));
  assert.ok(moments.length <= 200);
  assert.equal(moments.length + more, 5_003);
  assert.equal(moments.at(-1)!.kind, 'exit');
});
