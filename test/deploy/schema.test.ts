// Every object that the chart can make is one that Kubernetes knows, field by field.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotRunHelm } from '../../scripts/helm.ts';
import { findProblems } from './kubernetes-schema.ts';
import { CLUSTERS, type Manifest, parseManifests, renderSet, SETS } from './rendered.ts';

const MANIFESTS = join(import.meta.dirname, '../../deploy/manifests');

test('all objects of all documented values have the fields and types of Kubernetes', {
  skip: cannotRunHelm(),
}, () => {
  const all = CLUSTERS.flatMap(({ name, ...cluster }) =>
    SETS.flatMap((set) =>
      renderSet(set, { ...cluster, set: ['namespace.create=true'] }).map((manifest) => ({
        source: `${set}, ${name}:`,
        manifest,
      })),
    ),
  );
  assert.ok(all.length > 200);
  assert.deepEqual(findProblems(all), []);
});

test('so have the plain manifests', () => {
  const all = ['a-privileged', 'b-unprivileged', 'c-sidecar'].flatMap((name) =>
    parseManifests(readFileSync(join(MANIFESTS, name, 'cognitod.yaml'), 'utf8')).map((manifest) => ({
      source: name,
      manifest,
    })),
  );
  assert.ok(all.length > 20);
  assert.deepEqual(findProblems(all), []);
});

test('the check finds unknown fields, wrong types, missing fields and unknown kinds', () => {
  const pod = (spec: object) =>
    ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec }) as unknown as Manifest;
  const container = { name: 'c', image: 'i' };
  const wrong: Manifest[] = [
    pod({ containers: [{ ...container, securityContext: { capabilites: { drop: ['ALL'] } } }] }),
    pod({ hostPid: true, containers: [container] }),
    pod({ containers: [{ ...container, ports: [{ containerPort: '80' }] }] }),
    pod({ containers: [{ image: 'i' }] }),
    { apiVersion: 'v1', kind: 'Pot', metadata: { name: 'p' } },
    { apiVersion: 'v7', kind: 'Pod', metadata: { name: 'p' } },
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { name: 'p' },
      spec: { selector: {}, podMetricsEndpoint: [] },
    },
  ];
  const found = findProblems(wrong.map((manifest, index) => ({ source: String(index), manifest })));
  assert.deepEqual(
    [...new Set(found.map(({ object }) => object.split(' ')[0]))].sort(),
    wrong.map((_, index) => String(index)),
  );
  assert.deepEqual(findProblems([{ source: 'right', manifest: pod({ containers: [container] }) }]), []);
});
