import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KUBE_TIMES } from '../identity/index.ts';
import { FakeKube } from '../identity/kube/fake-kube.fixture.ts';
import { AnchorQueue, type AnchoredRecord, anchorText, createAnchorEvent } from './anchor-events.ts';

const TIMES = { ...KUBE_TIMES, connectMs: 2_000, answerIdleMs: 500 };
const record = (sequence: number): AnchoredRecord => ({
  sequence,
  reason: 'day',
  hash: 'ab'.repeat(32),
  to: '2026-11-22T00:00:00.000Z',
});

test('an event of the node in the namespace of the agent says which record, and is only created', async (t) => {
  const fake = await new FakeKube().listen();
  t.after(() => fake.stop());
  const made: { method: string | undefined; path: string; body: Record<string, unknown> }[] = [];
  let status = 201;
  fake.others = (request, response, url) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      made.push({ method: request.method, path: url.pathname, body: JSON.parse(text) });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
    return true;
  };
  const target = { target: fake.target(), times: TIMES, namespace: 'linnix', node: 'node-7' };
  await createAnchorEvent(target, record(3));
  assert.equal(made.length, 1);
  assert.deepEqual([made[0]!.method, made[0]!.path], ['POST', '/api/v1/namespaces/linnix/events']);
  assert.equal(made[0]!.body.message, `evidence record 3 (day) of node-7: ${'ab'.repeat(32)}`);
  assert.equal(made[0]!.body.firstTimestamp, '2026-11-22T00:00:00Z');
  status = 403;
  await assert.rejects(createAnchorEvent(target, record(4)), /may not create events/);
  status = 500;
  await assert.rejects(createAnchorEvent(target, record(4)), /the API answers 500/);
});

test('what cannot be sent waits, in order, and only so much of it', async () => {
  const sent: number[] = [];
  let works = false;
  const queue = new AnchorQueue(async ({ sequence }) => {
    if (!works) throw new Error('away');
    sent.push(sequence);
  });
  for (let sequence = 1; sequence <= 150; sequence++) queue.add(record(sequence));
  await assert.rejects(queue.flush(), /away/);
  assert.equal(queue.sent, 0);
  works = true;
  await queue.flush();
  assert.deepEqual(
    sent,
    Array.from({ length: 100 }, (_, index) => index + 51),
  );
  assert.equal(queue.sent, 150);
  await queue.flush();
  assert.equal(sent.length, 100);
});

test('the text of an anchor', () => {
  assert.equal(anchorText(record(1), 'n'), `evidence record 1 (day) of n: ${'ab'.repeat(32)}`);
});
