// How often one peer may ask, on a clock that the test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpApp } from './http-app.ts';
import { peerKey, RateLimit } from './rate-limit.ts';

function limit(perSecond: number, burst: number) {
  const clock = { nowMs: 1000 };
  return { clock, limit: new RateLimit({ perSecond, burst, nowMs: () => clock.nowMs }) };
}

test('a burst passes at once, then a request for each interval', () => {
  const { clock, limit: limits } = limit(10, 5);
  const passed = (count: number) =>
    Array.from({ length: count }, () => limits.take('a')).filter((waitMs) => waitMs === 0).length;
  assert.equal(passed(20), 5);
  assert.equal(limits.take('a'), 100);
  clock.nowMs += 99;
  assert.equal(limits.take('a'), 1);
  clock.nowMs += 1;
  assert.equal(passed(5), 1);
  clock.nowMs += 250;
  assert.equal(passed(5), 2);
  clock.nowMs += 3_600_000;
  assert.equal(passed(20), 5, 'a pause gives no more than the burst');
  for (let second = 0; second < 10; second++) {
    clock.nowMs += 1000;
    assert.ok(passed(20) <= 10);
  }
});

test('each peer by itself, and the number of those that are remembered is bounded', () => {
  const { clock, limit: limits } = limit(1, 1);
  assert.equal(limits.take('a'), 0);
  assert.equal(limits.take('b'), 0);
  assert.notEqual(limits.take('a'), 0);
  for (let peer = 0; peer < 25_000; peer++) limits.take(`10.${peer >> 8}.0.${peer & 255}`);
  assert.ok(limits.peers <= 10_000);
  clock.nowMs += 10_000;
  limits.take('z');
  assert.equal(limits.peers, 1, 'whoever is at rest is forgotten');
});

test('an IPv6 host counts by its network, a mapped IPv4 address as itself', () => {
  assert.equal(peerKey('::ffff:10.1.2.3'), peerKey('10.1.2.3'));
  assert.equal(peerKey('2001:db8:1:2:aaaa::1'), peerKey('2001:db8:1:2:bbbb:cccc:dddd:eeee'));
  assert.notEqual(peerKey('2001:db8:1:2::1'), peerKey('2001:db8:1:3::1'));
  assert.equal(peerKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(peerKey('::1'), '0:0:0:0::/64');
  assert.notEqual(peerKey('10.1.2.3'), peerKey('10.1.2.4'));
});

test('whoever asks too often gets a 429 that says when to come back; probes do not count', async () => {
  const { limit: rateLimit } = limit(0.1, 2);
  const { app } = createHttpApp({ error: () => {} }, { rateLimit });
  app.get('/healthz', () => 'ok');
  app.get('/x', () => 'ok');
  for (let probe = 0; probe < 5; probe++) assert.equal((await app.inject('/healthz')).statusCode, 200);
  assert.deepEqual([(await app.inject('/x')).statusCode, (await app.inject('/none')).statusCode], [200, 404]);
  const refused = await app.inject('/x');
  assert.equal(refused.statusCode, 429);
  assert.equal(refused.json().code, 'RATE_LIMITED');
  assert.equal(refused.headers['retry-after'], '10');
  assert.equal((await app.inject('/healthz')).statusCode, 200);
});
