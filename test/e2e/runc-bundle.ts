// Rewrites a container's bundle before the real runc makes it: systemd's cgroup names, a cgroup namespace of its own.
// Called by the runc wrapper: runc-bundle.ts BUNDLE systemd|cgroupfs hybrid|v2
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [bundle, names, view] = process.argv.slice(2);
const file = join(bundle!, 'config.json');
const config = JSON.parse(readFileSync(file, 'utf8'));
const path = /^\/kubepods\/burstable\/pod([0-9a-f-]+)\/([0-9a-f]{64})$/.exec(config.linux.cgroupsPath);
if (names === 'systemd') {
  if (path === null) throw new Error(`unexpected cgroupsPath: ${config.linux.cgroupsPath}`);
  const slice = `kubepods-burstable-pod${path[1]!.replaceAll('-', '_')}.slice`;
  config.linux.cgroupsPath = `/kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${path[2]}.scope`;
}
// The cgroup2 hierarchy of a hybrid machine has no controllers.
if (view === 'v2') config.linux.resources = { devices: [{ allow: true, access: 'rwm' }] };
if (config.annotations?.['e2e/cgroup-namespace'] === 'private') {
  config.linux.namespaces = config.linux.namespaces.filter((one: { type: string }) => one.type !== 'cgroup');
  config.linux.namespaces.push({ type: 'cgroup' });
}
writeFileSync(file, JSON.stringify(config));
