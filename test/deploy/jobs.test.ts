// The Job of `doctor --before-install`: what Kubernetes knows, with mode B's privileges and keys that the program knows.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig, VERSION } from '../../src/lib/index.ts';
import { findProblems } from './kubernetes-schema.ts';
import { find, parseManifests, podTemplate } from './rendered.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const read = (path: string) => parseManifests(readFileSync(join(DEPLOY, path), 'utf8'));
const manifests = read('jobs/doctor-before-install.yaml');
const pod = find(manifests, 'Job').spec.template.spec;
const [container] = pod.containers;

test('it has the fields and types of Kubernetes', () => {
  assert.deepEqual(findProblems(manifests.map((manifest) => ({ source: 'job', manifest }))), []);
});

test('its privileges are those of mode B, so that it finds what the agent would', () => {
  const [agent] = podTemplate(read('manifests/b-unprivileged/cognitod.yaml')).spec.containers;
  assert.deepEqual(container.securityContext, agent.securityContext);
  assert.equal(container.image, `ghcr.io/linnix-os/cognitod:${VERSION}`);
  assert.equal(pod.automountServiceAccountToken, false);
});

test('its variables are keys of the configuration, and lead where it has mounts', () => {
  const variables = container.env as { name: string; value?: string }[];
  const env = Object.fromEntries(variables.map(({ name, value }) => [name, value ?? 'node-a']));
  const { config } = loadConfig({ env });
  const mounts = container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
  assert.deepEqual([config.proc_root, config.sys_root, `${config.runtime.host_root}/run`], mounts);
  assert.ok(container.volumeMounts.every(({ readOnly }: { readOnly: boolean }) => readOnly));
});
