// Filters by pod, container, namespace and workload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlaceQuery } from '../../api/index.ts';
import type { Identity, Metadata } from '../../identity/index.ts';
import { placeFilter } from './place-filter.ts';

const PLACE = {
  podUid: '1234-abcd',
  containerId: `e1${'f'.repeat(62)}`,
  provenance: 'kernel-cgroup' as Identity['provenance'],
};
const NAMED = {
  namespace: 'shop',
  podName: 'web-5d',
  containerName: 'main',
  workload: { kind: 'Deployment', name: 'web' },
} as Metadata;
const UNNAMED = { namespace: null, podName: null, containerName: null, workload: null } as Metadata;

const matches = (query: PlaceQuery, metadata: Metadata | null = NAMED, place = PLACE) =>
  placeFilter(query)!(place, metadata);

test('a pod that only the sources of names know is found by its uid', () => {
  const place = { ...PLACE, podUid: null };
  assert.equal(placeFilter({ pod: '1234' })!(place, NAMED), false);
  assert.equal(placeFilter({ pod: '1234' })!(place, { ...NAMED, podUid: '1234-abcd' }), true);
});

test('a container whose id is only claimed is not found by it', () => {
  const id = PLACE.containerId;
  for (const container of [id, id.slice(0, 12)]) {
    assert.equal(matches({ container }, null), true);
    assert.equal(
      matches({ container }, null, { ...PLACE, podUid: null as never, provenance: 'claimed' }),
      false,
    );
  }
});

test('without a place there is no filter', () => {
  assert.equal(placeFilter({}), null);
});

for (const [query, named, unnamed] of [
  [{ pod: '1234' }, true, true],
  [{ pod: '234' }, false, false],
  [{ pod: 'web-5d' }, true, false],
  [{ pod: 'web' }, false, false],
  [{ pod: 'shop/web-5d' }, true, false],
  [{ pod: 'other/web-5d' }, false, false],
  [{ container: 'e1f' }, true, true],
  [{ container: 'main' }, true, false],
  [{ namespace: 'shop' }, true, false],
  [{ namespace: 'sho' }, false, false],
  [{ workload: 'web' }, true, false],
  [{ workload: 'deployment/web' }, true, false],
  [{ workload: 'Deployment/web' }, true, false],
  [{ workload: 'job/web' }, false, false],
  [{ workload: 'deployment/we' }, false, false],
  [{ workload: 'null' }, false, false],
  [{ namespace: 'shop', workload: 'web', container: 'main', pod: '12' }, true, false],
  [{ namespace: 'shop', workload: 'api' }, false, false],
] as const) {
  test(`${JSON.stringify(query)} ${named ? 'matches' : 'does not match'}`, () => {
    assert.equal(matches(query), named);
    assert.equal(matches(query, UNNAMED), unnamed, 'before it has a name');
    assert.equal(matches(query, null), unnamed);
    assert.equal(
      matches(query, null, { ...PLACE, podUid: null, containerId: null } as never),
      false,
      'on the host',
    );
  });
}
