// The log of events: what is kept, by serial number, and what stays while it is looked at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog, MAX_EVENTS } from './event-log.ts';

const seqOf = (log: { bySerial(serial: number): { text: string } | undefined }, serial: number) =>
  log.bySerial(serial)?.text;

function logOf(count: number): EventLog {
  const log = new EventLog();
  for (let serial = 1; serial <= count; serial++) log.add('exec', String(serial));
  return log;
}

test('the last events are kept, at their serial numbers', () => {
  const log = logOf(3 * MAX_EVENTS + 7);
  assert.equal(log.size, MAX_EVENTS);
  assert.equal(log.newest, 3 * MAX_EVENTS + 7);
  for (const back of [0, 1, MAX_EVENTS - 1]) {
    const serial = log.newest - back;
    assert.equal(seqOf(log, serial), String(serial));
  }
  assert.equal(log.bySerial(log.newest - MAX_EVENTS), undefined);
  assert.equal(log.bySerial(log.newest + 1), undefined);
  assert.equal(log.bySerial(0), undefined);
});

test('what is kept is bounded in characters too, but the last one is always there', () => {
  const log = new EventLog();
  for (let serial = 1; serial <= 40; serial++) log.add('exec', 'x'.repeat(1024 * 1024));
  assert.ok(log.size <= 16);
  log.add('exec', 'y'.repeat(64 * 1024 * 1024));
  assert.equal(log.size, 1);
});

test('a frozen view is what was drawn, whatever comes later', () => {
  const log = logOf(10);
  const frozen = log.freeze(8);
  for (let serial = 11; serial <= 3 * MAX_EVENTS; serial++) log.add('exec', String(serial));
  assert.deepEqual([frozen.size, frozen.newest], [8, 8]);
  assert.equal(seqOf(frozen, 8), '8');
  assert.equal(seqOf(frozen, 1), '1');
  assert.equal(frozen.bySerial(9), undefined);
  assert.equal(logOf(0).freeze(0).size, 0);
});
