import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLLECTED } from './collected-data.ts';
import { eventSchema } from './event.ts';

test('what auditors are told is collected is exactly what events have', () => {
  const told = COLLECTED.flatMap(({ fields }) => fields);
  assert.deepEqual(told.toSorted(), Object.keys(eventSchema.shape).toSorted());
});
