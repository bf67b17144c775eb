// Names of signals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signalName } from './signal-name.ts';

test('signals have the names that kill -l prints', () => {
  assert.equal(signalName(9), 'SIGKILL');
  assert.equal(signalName(6), 'SIGABRT');
  assert.equal(signalName(29), 'SIGIO');
  assert.equal(signalName(31), 'SIGSYS');
});

test('real-time signals are counted from SIGRTMIN, and the two that glibc keeps have a number only', () => {
  assert.equal(signalName(34), 'SIGRTMIN');
  assert.equal(signalName(36), 'SIGRTMIN+2');
  assert.equal(signalName(64), 'SIGRTMIN+30');
  assert.equal(signalName(32), 'SIG32');
  assert.equal(signalName(127), 'SIG127');
});
