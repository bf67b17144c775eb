import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessLine } from './access-log.ts';

const REQUEST = {
  peer: '127.0.0.1',
  method: 'GET',
  route: '/api/v1/processes',
  url: '/api/v1/processes?limit=5&namespace=secret-project',
  status: 200,
  caller: { who: 'read-token', access: 'read' },
  durationMs: 1.26,
} as const;

test('a request is a line with who, what and the answer; of the query the names only', () => {
  const line = accessLine('read-token', REQUEST, new Date('2026-11-23T10:00:00Z'));
  assert.deepEqual(JSON.parse(line.replace(/^access /, '')), {
    time: '2026-11-23T10:00:00.000Z',
    who: 'read-token',
    peer: '127.0.0.1',
    method: 'GET',
    route: '/api/v1/processes',
    query: ['limit', 'namespace'],
    status: 200,
    duration_ms: 1.3,
  });
});

test('a client cannot write into the log', () => {
  const url = `/x?tok%0aen=1&access%20%7B=2&${'a'.repeat(40)}=3&${Array.from({ length: 99 }, (_, n) => `k${n}`).join('&')}`;
  const line = accessLine('refused', { ...REQUEST, route: 'none', url, status: 401 }, new Date());
  assert.doesNotMatch(line, /\n|aaaa|tok|k1/);
  assert.ok(line.length < 400);
});
