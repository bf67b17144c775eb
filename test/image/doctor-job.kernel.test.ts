// The Job of `doctor --before-install` with the built image in a real containerd, and with less than it asks for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { DoctorJson } from '../../src/api/index.ts';
import { find, type Manifest, parseManifests } from '../deploy/rendered.ts';
import { type Containerd, cannotRunContainerd, startContainerd } from '../e2e/containerd.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { found } from '../support/doctor.ts';
import { builtImage, cannotBuildImage, removeBuiltImages } from './built.ts';
import { importImage, runToEnd } from './contained.ts';
import { runOf } from './from-manifest.ts';

const skip = cannotUseBpf() || cannotRunContainerd() || cannotBuildImage();
const FILE = join(import.meta.dirname, '../../deploy/jobs/doctor-before-install.yaml');
const { spec: pod } = find(parseManifests(readFileSync(FILE, 'utf8')), 'Job').spec.template as Manifest;
const [job] = pod.containers;

after(removeBuiltImages);

describe('the Job before the installation', { skip, timeout: 180_000 }, () => {
  let containerd: Containerd;
  let image: string;

  before(async () => {
    containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
    const built = await builtImage('agent');
    importImage(containerd, built.archive);
    image = built.reference;
  });
  after(() => containerd?.close());

  /** As the kubelet would start it; `capabilities` instead of those that it asks for. */
  async function run(capabilities: readonly string[] = job.securityContext.capabilities.add) {
    const { args = [], security, ...rest } = runOf(pod);
    const { code, stdout, stderr } = await runToEnd(containerd, {
      ...rest,
      image,
      args: [...args, '--json'],
      security: { ...security, capabilities },
    });
    assert.notEqual(stdout.join(''), '', stderr.join('\n'));
    const { checks } = JSON.parse(stdout.join('')) as DoctorJson;
    return { code, checks: Object.fromEntries(checks.map((check) => [check.id, check])) };
  }

  test('finds that an agent could run here', async () => {
    const { code, checks } = await run();
    assert.deepEqual(
      Object.values(checks).filter(({ result }) => result === 'fail'),
      [],
    );
    assert.equal(code, 0);
    found(checks, 'capabilities', 'ok', /are there/);
    found(checks, 'load', 'ok', /loaded, attached as tp_btf, and taken off again/);
    found(checks, 'host-pid', 'ok', /one of its own; the node's processes are seen in \/host\/proc/);
    found(checks, 'host-sys', 'ok', /^sysfs at \/host\/sys, read-only$/);
    found(checks, 'security-modules', 'ok', /seccomp filter/);
    found(checks, 'cgroups', 'ok', /in containers/);
  });

  for (const missing of ['BPF', 'PERFMON']) {
    test(`without ${missing} it fails, and names it`, async () => {
      const others = job.securityContext.capabilities.add.filter((name: string) => name !== missing);
      const { code, checks } = await run(others);
      assert.equal(code, 1);
      found(
        checks,
        'capabilities',
        'fail',
        new RegExp(`^CAP_${missing} missing \\(CAP_${missing} not even in the`),
      );
      found(checks, 'load', 'fail', /./);
    });
  }
});
