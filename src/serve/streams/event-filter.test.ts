// Filters of event streams, and which of them may share their text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventQuerySchema } from '../../api/index.ts';
import { eventFilter, filterKey } from './event-filter.ts';
import { apply, exec, exit, FakeModel, fork } from '../fake-agent.fixture.ts';

const passes = (query: Record<string, string>, event = exec()) =>
  eventFilter(eventQuerySchema.parse(query), new FakeModel())(apply(event));

test('an event must match every condition', () => {
  assert.equal(passes({}), true);
  assert.equal(passes({ type: 'fork,exec', uid: '1000', comm: 'bash', pid: '4321' }), true);
  for (const query of [{ type: 'fork,exit' }, { uid: '0' }, { comm: 'sh' }, { pid: '1' }, { pod: 'x' }]) {
    assert.equal(passes({ type: 'exec', ...query }), false, JSON.stringify(query));
  }
});

test('an executable is what an exec began, and what a fork or exit ran', () => {
  assert.equal(passes({ executable: '/usr/bin/make' }), true);
  assert.equal(passes({ executable: 'make' }), true);
  assert.equal(passes({ executable: 'bash' }), false);
  assert.equal(passes({ executable: 'bash' }, fork() as never), true);
  assert.equal(passes({ executable: '/bin/bash' }, exit() as never), false);
});

test('since and until are the time of the event, to the nanosecond', () => {
  // The fake's clock starts at 2023-11-14T22:13:20Z; the event is 6.000000123 s later.
  const between = (since: string, until: string) =>
    passes({ since: `2023-11-14T22:13:${since}Z`, until: `2023-11-14T22:13:${until}Z` });
  assert.equal(between('26.000000123', '26.000000123'), true);
  assert.equal(between('26.000000124', '27'), false);
  assert.equal(between('20', '26.000000122'), false);
});

test('queries share their text exactly when they select the same', () => {
  const key = (query: Record<string, string>) => filterKey(eventQuerySchema.parse(query));
  assert.equal(key({ type: 'exit,fork,exit', uid: '7' }), key({ uid: '07', type: 'fork,exit' }));
  // Every parameter of the contract, so that a new one cannot be forgotten.
  const time = '2026-11-23T10:00:00Z';
  const values: Record<string, string> = { type: 'fork', uid: '1', pid: '1', since: time, until: time };
  const names = Object.keys(eventQuerySchema.shape);
  const keys = names.map((name) => key({ [name]: values[name] ?? 'x' }));
  assert.equal(new Set([...keys, key({})]).size, names.length + 1);
});
