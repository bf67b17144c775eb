// Tests the reading of whole /proc/PID/cgroup contents: which line counts, odd forms, huge inputs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCgroup, parseCgroupPath, readCgroupFile } from './cgroup-file.ts';

const A = '0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9';
const B = 'ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100';
const UID = '3d274242-8ee0-11e9-a8a6-1e68d864ef1a';
const HOST = { containerId: null, podUid: null, runtime: null, qos: null, tags: [], unit: null };

test('of several lines the one that says the most counts', () => {
  const cases: [lines: string[], path: string][] = [
    [['2:cpu:/', `1:name=systemd:/docker/${A}`, '0::/system.slice/docker.service'], `/docker/${A}`],
    [[`2:cpu:/docker/${A}`, `0::/kubepods/pod${UID}/${B}`], `/kubepods/pod${UID}/${B}`],
    [[`2:cpu:/kubepods/pod${UID}`, `0::/docker/${A}`], `/docker/${A}`],
    [[`0::/docker/${A}`, `2:cpu:/docker/${A}/docker/${B}`], `/docker/${A}/docker/${B}`],
    [[`0::/${A}`, `2:cpu:/docker/${A}`], `/docker/${A}`],
    [[`0::/../pod${UID}/${A}`, `2:cpu:/kubepods/pod${UID}/${A}`], `/kubepods/pod${UID}/${A}`],
    [
      ['2:cpu:/', '1:name=systemd:/user.slice/user-0.slice/session-1.scope', '0::/'],
      '/user.slice/user-0.slice/session-1.scope',
    ],
    // Ties: the line of v2, else the first.
    [[`3:cpu:/docker/${A}`, `0::/docker/${B}`, `10::/docker/${A}`], `/docker/${B}`],
    [[`0::/docker/${A}`, `3:cpu:/docker/${B}`], `/docker/${A}`],
    [[`3:cpu:/docker/${A}`, `2:pids:/docker/${B}`], `/docker/${A}`],
    [['', '3:cpu:/'], '/'],
    [['0::/x (deleted)'], '/x'],
  ];
  for (const [lines, path] of cases)
    assert.equal(readCgroupFile(lines.join('\n')).path, path, lines.join(' '));
});

test('blanks, line ends of other systems and lines of another form do no harm', () => {
  const line = `13:name=systemd:/docker/${A}`;
  for (const input of [
    `   ${line}   `,
    `\r\n${line}\r\n`,
    `totally random line\n${line}`,
    `${line} (deleted)`,
    `\n\n${line}`,
  ]) {
    assert.equal(parseCgroup(input).containerId, A, JSON.stringify(input));
  }
  for (const input of [
    `a:name=systemd:/docker/${A}`,
    `:name=systemd:/docker/${A}`,
    `13:/docker/${A}`,
    'pids: /',
    ' \n ',
  ]) {
    assert.deepEqual(parseCgroup(input), HOST, JSON.stringify(input));
  }
});

test('huge inputs take no noticeable time', () => {
  const size = 1 << 20;
  const units = [
    'a',
    '/',
    '/a',
    '\n',
    '0::/a\n',
    `/${A}`,
    '/..',
    ':',
    '1:',
    '/kubepods-pod',
    '\\x2d',
    ' ',
    `/${A.slice(1)}-`,
  ];
  const startMs = performance.now();
  for (const unit of units) {
    const input = unit.repeat(size / unit.length);
    parseCgroup(input);
    parseCgroupPath(input);
  }
  // Measured: 0.03 s for all of it. A quadratic step would take minutes.
  assert.ok(performance.now() - startMs < 5_000);
});

test('lines beyond any number of hierarchies are not read', () => {
  const line = `5:memory:/docker/${A}`;
  assert.equal(parseCgroup(`${'0::/\n'.repeat(255)}${line}`).containerId, A);
  assert.equal(parseCgroup(`${'0::/\n'.repeat(256)}${line}`).containerId, null);
});

test('of a path longer than any that a kernel has nothing is read', () => {
  const long = (bytes: number) => `/docker/${A}/${'x/'.repeat((bytes - 73) / 2)}`;
  assert.equal(long(16_383).length, 16_383);
  assert.equal(parseCgroupPath(long(16_383)).containerId, A);
  for (const path of [
    long(16_385),
    `${'/x'.repeat(1 << 19)}/docker/${A}`,
    `/docker/${A}${'/x'.repeat(1 << 19)}`,
  ])
    assert.deepEqual(parseCgroupPath(path), HOST);
});
