// Queries: what counts as a number and as a text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventQuerySchema } from './event.ts';
import { processQuerySchema } from './process.ts';

test('numbers are decimal digits in their range; everything else is named', () => {
  assert.equal(processQuerySchema.parse({ uid: '0', limit: '1000' }).uid, 0);
  assert.equal(eventQuerySchema.parse({ pid: 12 }).pid, 12);
  for (const uid of ['', ' 1', '1.5', '-1', '0x10', '1e3', '4294967296', ['1', '2'], 'root']) {
    const result = processQuerySchema.safeParse({ uid });
    assert.equal(
      result.error?.issues[0]?.message,
      'a whole number from 0 to 4294967295',
      JSON.stringify(uid),
    );
  }
});

test('an empty text is refused, because as a prefix it would match everything', () => {
  assert.equal(eventQuerySchema.safeParse({ pod: '' }).success, false);
  assert.equal(processQuerySchema.safeParse({ comm: ['a', 'b'] }).success, false);
});

test('without parameters a page has 500 running processes', () => {
  assert.deepEqual(processQuerySchema.parse({}), {
    state: 'running',
    limit: 500,
    usage: 'false',
    sort: 'start',
  });
});
