// What HTTP itself refuses is a problem document too: bodies that are too large, of another type, or broken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemSchema } from '../api/index.ts';
import { createHttpApp } from './http-app.ts';

function app() {
  const logged: unknown[] = [];
  const { app } = createHttpApp({ error: (message) => logged.push(message) });
  app.post('/take', (request) => ({ taken: request.body }));
  return { app, logged };
}

test('a body that is too large, of a type that is not taken, or broken is a problem document', async () => {
  const { app: server, logged } = app();
  const cases: [string, string, number][] = [
    ['application/json', `"${'x'.repeat(1024 ** 2)}"`, 413],
    ['text/xml', '<a/>', 415],
    ['application/json', '{"a":', 400],
    ['application/json', '{"__proto__":{"admin":true}}', 400],
    ['application/json', '', 400],
  ];
  for (const [type, payload, status] of cases) {
    const response = await server.inject({
      method: 'POST',
      url: '/take',
      headers: { 'content-type': type },
      payload,
    });
    assert.match(response.headers['content-type'] as string, /^application\/problem\+json/);
    const problem = problemSchema.strict().parse(response.json());
    assert.deepEqual([response.statusCode, problem.status, problem.code], [status, status, 'BAD_REQUEST']);
  }
  assert.deepEqual(logged, []);
});
