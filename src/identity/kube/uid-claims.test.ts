// Tests who speaks for a uid that many pods claim, and how much work that is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePod, type KnownPod } from './pod-facts.ts';
import { UidClaims } from './uid-claims.ts';

const HASH = 'ab'.repeat(16);

/** A pod whose annotation claims `HASH`. `reads` counts how often somebody looks at its age. */
function claimant(serial: number, reads = { count: 0 }): KnownPod {
  const pod = parsePod({
    metadata: { uid: `api-${String(serial).padStart(6, '0')}`, name: `p${serial}`, namespace: 'ns' },
    spec: { nodeName: 'n' },
  })!;
  const createdAt = `2024-01-01T00:00:${String(serial % 60).padStart(2, '0')}Z`;
  return Object.defineProperty({ ...pod, facts: { ...pod.facts, uid: HASH } }, 'createdAt', {
    get: () => {
      reads.count++;
      return createdAt;
    },
  });
}

test('the older pod speaks, then the one with the smaller uid, in whatever order they come', () => {
  const pods = [claimant(61), claimant(2), claimant(1)];
  for (const order of [pods, [...pods].reverse()]) {
    const claims = new UidClaims();
    claims.replace(order);
    assert.equal(claims.speaker(HASH)?.apiUid, 'api-000001');
    claims.delete(order.find(({ apiUid }) => apiUid === 'api-000001')!);
    assert.equal(claims.speaker(HASH)?.apiUid, 'api-000061');
  }
});

test("who was contradicted by the API's own pod does not speak when that is gone", () => {
  const own = { ...claimant(0), apiUid: HASH };
  for (const order of [
    [own, claimant(1), claimant(2)],
    [claimant(1), claimant(2), own],
    [claimant(1), own, claimant(2)],
  ]) {
    const claims = new UidClaims();
    claims.replace(order);
    assert.equal(claims.speaker(HASH), own);
    claims.delete(own);
    assert.equal(claims.speaker(HASH), undefined);
  }
});

test('a list of pods that all claim one uid is work for each of them once', () => {
  const reads = { count: 0 };
  const pods = Array.from({ length: 2000 }, (_, serial) => claimant(serial, reads));
  const claims = new UidClaims();
  claims.replace(pods);
  claims.speaker(HASH);
  assert.ok(reads.count <= 2000 * 8, String(reads.count));
});
