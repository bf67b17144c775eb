// The Debian package on a host whose PID 1 is a real systemd: install, start, look, restart, crash, upgrade, stop, purge;
// are units and the pods of real runtimes with the systemd driver told rightly?
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventJson, StatusJson } from '../../../src/api/index.ts';
import { JOB, tell } from './report.ts';

const POD_UID = '12345678-1234-1234-1234-123456789012';
const CONTAINER_ID = 'ab'.repeat(32);
const READY_MS = 180_000;
const EXPOSURE_AT_MOST = 2.1;

const checks: { name: string; ok: boolean; detail: string }[] = [];

function check(name: string, ok: boolean, detail = ''): boolean {
  checks.push({ name, ok, detail: detail.trim().slice(0, 600) });
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${detail.trim().slice(0, 300)}`}`);
  return ok;
}

/** Runs a line of shell. */
function sh(line: string): { code: number; text: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return { code: status ?? -1, text: `${stdout}${stderr}` };
}

const succeeds = (name: string, line: string) => {
  const { code, text } = sh(line);
  return check(name, code === 0, code === 0 ? '' : `${code} ${text}`);
};

const output = (line: string) => sh(line).text.trim();

async function ready(): Promise<{ ok: boolean; detail: string }> {
  const until = Date.now() + READY_MS;
  let detail = 'no answer';
  while (Date.now() < until) {
    try {
      const response = await fetch('http://127.0.0.1:9464/readyz');
      detail = `${response.status} ${await response.text()}`;
      if (response.ok) return { ok: true, detail: '' };
    } catch {}
    await sleep(500);
  }
  return { ok: false, detail };
}

const isReady = async (name: string) => {
  const { ok, detail } = await ready();
  if (!check(name, ok, detail)) console.log(output('journalctl -u cognitod -o cat --no-pager | tail -n 30'));
};

const statusJson = async (): Promise<StatusJson> =>
  (await fetch('http://127.0.0.1:3000/api/v1/status')).json() as Promise<StatusJson>;

/** Events while `work` runs. */
async function eventsOf(work: () => Promise<void> | void): Promise<EventJson[]> {
  const stream = spawn('cognitod', ['stream', '--json', '--ready-fd', '3'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  let text = '';
  stream.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise<void>((resolve) => stream.stdio[3]!.once('data', () => resolve()));
  await work();
  await sleep(4000);
  const ended = new Promise((resolve) => stream.on('close', resolve));
  stream.kill('SIGINT');
  await ended;
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EventJson);
}

function unit(name: string, lines: string): void {
  writeFileSync(`/run/systemd/system/${name}`, lines);
}

async function units(): Promise<void> {
  unit('vm-sleeper.service', '[Service]\nExecStart=/bin/sleep 1000\n');
  unit(
    'vm-inst@.service',
    "[Service]\nExecStart=/bin/sh -c 'while :; do /bin/true; sleep 1; done'\nUser=nobody\n",
  );
  sh('systemctl daemon-reload; systemctl start vm-sleeper vm-inst@a-b.service user@0.service');
  const user = sh('XDG_RUNTIME_DIR=/run/user/0 systemd-run -q --user --unit vm-user sleep 1000');
  check('a unit of a user starts', user.code === 0, user.text);
  const scope = spawn('systemd-run', ['-q', '--unit', 'vm-transient', '--scope', '--', 'sleep', '120'], {
    stdio: 'ignore',
  });
  const events = await eventsOf(() => {
    sh('systemctl restart vm-sleeper; systemd-run -q --wait --unit vm-once /bin/true');
    sh('systemd-run -q --wait --slice=deep-er.slice --unit vm-in-slice /bin/true');
  });
  const rows = output('cognitod ps --json')
    .split('\n')
    .map((line) => JSON.parse(line));
  const unitsOf = (value: unknown): string[] =>
    Array.isArray(value)
      ? value.flatMap(unitsOf)
      : typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, each]) =>
            (key === 'unit' || key === 'user_unit') && typeof each === 'string' ? [each] : unitsOf(each),
          )
        : [];
  const inPs = new Set(unitsOf(rows));
  for (const want of [
    'vm-sleeper.service',
    'vm-inst@a-b.service',
    // The unit of the user, within that of the user manager.
    'vm-user.service',
    'user@0.service',
    'vm-transient.scope',
    'cognitod.service',
    'systemd-journald.service',
  ])
    check(`ps tells the unit ${want}`, inPs.has(want), [...inPs].join(' '));
  for (const want of ['vm-sleeper.service', 'vm-once.service', 'vm-in-slice.service']) {
    const count = events.filter((event) => event.unit === want).length;
    check(`events tell the unit ${want}`, count > 0, `${count} of ${events.length}`);
  }
  scope.kill();
  sh('systemctl stop vm-sleeper vm-inst@a-b.service vm-transient.scope user@0.service');
}

/** A pod's slice and scope as a runtime makes them whose driver is systemd. */
async function pods(runtime: string): Promise<void> {
  const bundle = '/tmp/bundle';
  mkdirSync(`${bundle}/rootfs/bin`, { recursive: true });
  mkdirSync(`${bundle}/rootfs/proc`, { recursive: true });
  sh(`cp /bin/busybox ${bundle}/rootfs/bin/busybox; cd ${bundle}; rm -f config.json; ${runtime} spec`);
  const spec = JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8'));
  spec.linux.cgroupsPath = `kubepods-burstable-pod${POD_UID.replaceAll('-', '_')}.slice:cri-containerd:${CONTAINER_ID}`;
  spec.process.terminal = false;
  const loop = 'i=0; while [ $i -lt 20 ]; do /bin/busybox true; i=$((i+1)); done; /bin/busybox sleep 30';
  spec.process.args = ['/bin/busybox', 'sh', '-c', loop];
  writeFileSync(`${bundle}/config.json`, JSON.stringify(spec));
  let started = { code: -1, text: '' };
  const events = await eventsOf(async () => {
    started = sh(
      `cd ${bundle} && ${runtime} --systemd-cgroup run -d vm-${runtime} </dev/null >/tmp/out 2>&1; r=$?; cat /tmp/out; exit $r`,
    );
    await sleep(8000);
    sh(`${runtime} delete -f vm-${runtime}`);
  });
  check(`${runtime} starts a container in a pod's slice`, started.code === 0, started.text);
  const inside = events.filter((event) => event.type === 'exec' && event.executable === '/bin/busybox');
  const right = inside.filter((event) => event.pod_uid === POD_UID && event.container_id === CONTAINER_ID);
  check(
    `pods by ${runtime} are attributed`,
    inside.length >= 21 && right.length === inside.length,
    `${right.length} of ${inside.length} execs`,
  );
}

await tell(process.argv[2]!, async () => {
  console.log(
    output('uname -r; ps -p 1 -o comm=; systemctl --version | head -n 1; findmnt -no FSTYPE /sys/fs/cgroup'),
  );
  const deb = readdirSync(JOB).find((name) => name.endsWith('.deb'))!;
  succeeds('installs', `apt-get install -y --no-install-recommends ${JOB}/${deb}`);
  check('is not started by the installation', output('systemctl is-active cognitod') === 'inactive');
  const verified = output('systemd-analyze verify cognitod.service 2>&1 | grep -i cognitod');
  check('systemd finds nothing wrong with the unit', verified === '', verified);
  succeeds('starts', 'systemctl enable --now cognitod');
  await isReady('is ready');
  const status = await statusJson();
  check('sees by eBPF', status.collector.kind === 'ebpf', status.collector.reason);
  const { confinement } = status.privileges;
  check(
    'has confined itself',
    confinement.system_calls && confinement.landlock !== null,
    JSON.stringify(confinement),
  );
  const listed = output('bpftool prog show | grep -c sched_process');
  check('bpftool lists its programs by their tracepoints', Number(listed) >= 3, listed);
  const { privileges } = status;
  const sets = [
    privileges.cap_effective,
    privileges.cap_permitted,
    privileges.cap_inheritable,
    privileges.cap_bounding,
    privileges.cap_ambient,
  ];
  const kept = new Set(privileges.kept);
  const left = sets.flat().filter((name) => !kept.has(name));
  check(
    'holds nothing in any thread',
    left.length === 0 && privileges.no_new_privs && privileges.seccomp === 'filter',
    JSON.stringify(privileges),
  );
  const exposure = output('systemd-analyze security cognitod --no-pager | tail -n 1');
  const level = Number(/: ([\d.]+)/.exec(exposure)?.[1] ?? 99);
  check(`exposure is at most ${EXPOSURE_AT_MOST}`, level <= EXPOSURE_AT_MOST, exposure);
  const doctor = sh('cognitod doctor --json');
  const failed = JSON.parse(doctor.text).checks.filter((one: { result: string }) => one.result === 'fail');
  check('doctor finds nothing broken', failed.length === 0, JSON.stringify(failed));
  await units();
  for (const runtime of ['crun', 'runc']) await pods(runtime);
  const { ledger } = await statusJson();
  const missing = ['fork', 'exec', 'exit', 'move']
    .map((kind) => ledger[kind as 'fork'])
    .filter(({ lost, skipped }) => lost + skipped > 0);
  check('nothing was lost', missing.length === 0, JSON.stringify(missing));

  succeeds('restarts', 'systemctl restart cognitod');
  await isReady('is ready after the restart');
  const before = output('systemctl show -p MainPID --value cognitod');
  sh(`kill -9 ${before}`);
  await sleep(7000);
  await isReady('comes back after SIGKILL');
  check('as another process', output('systemctl show -p MainPID --value cognitod') !== before);
  // The same program as a newer version.
  sh(
    `rm -rf /tmp/next && dpkg-deb -R ${JOB}/${deb} /tmp/next && sed -i 's/^Version: .*/Version: 99.0/' /tmp/next/DEBIAN/control && dpkg-deb -Znone -b /tmp/next /tmp/next.deb`,
  );
  const running = output('systemctl show -p MainPID --value cognitod');
  succeeds('is upgraded', 'apt-get install -y --no-install-recommends /tmp/next.deb');
  check('the upgrade restarts it', output('systemctl show -p MainPID --value cognitod') !== running);
  await isReady('is ready after the upgrade');
  succeeds('stops', 'systemctl stop cognitod');
  const end = output('systemctl show cognitod -p Result,ExecMainStatus');
  check('with success', /Result=success/.test(end) && /ExecMainStatus=0/.test(end), end);
  check('no program is left in the kernel', !/sched_process_f/.test(output('bpftool prog list')));
  succeeds('is purged', 'apt-get purge -y cognitod');
  const places = [
    '/etc/cognitod',
    '/usr/lib/cognitod',
    '/var/cache/cognitod',
    '/var/cache/private/cognitod',
    '/var/lib/cognitod',
    '/var/lib/private/cognitod',
    '/usr/bin/cognitod',
  ];
  const stay = places.filter((path) => existsSync(path));
  check(
    'nothing is left on the disk',
    stay.length === 0,
    output(`find ${stay.join(' ') || '/nonexistent'} 2>/dev/null | head -n 20`),
  );
  const wrong = checks.filter(({ ok }) => !ok);
  const version = /^systemd (\d+)/.exec(output('systemctl --version'))?.[1] ?? '?';
  return {
    ok: wrong.length === 0,
    text: `systemd ${version}: ${checks.length - wrong.length} of ${checks.length}, exposure ${level}`,
    figures: { wrong, checks: checks.length, exposure: level, memory: status.memory },
  };
});
