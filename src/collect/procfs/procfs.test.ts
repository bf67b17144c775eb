// The procfs collector on the real /proc: the contract of all collectors, and what only the kernel can show.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWorkload, WORKLOAD } from '../../../test/workload/index.ts';
import { type DecodedRecord, NOTHING_MASKED } from '../../decode/index.ts';
import { boottimeNs } from '../../os/index.ts';
import { collectorContract } from '../collector.contract.ts';
import {
  ProcfsCollector,
  type ProcfsCollectorOptions,
  readCmdline,
  readExecutable,
  readProcess,
} from './index.ts';

const options: ProcfsCollectorOptions = {
  procRoot: '/proc',
  intervalMs: 50,
  boottimeNs,
  mask: () => NOTHING_MASKED,
  onError: (error) => assert.fail(String(error)),
};

collectorContract('procfs', () => new ProcfsCollector(options));

const running: { kill(): unknown }[] = [];
after(async () => {
  for (const workload of running) await workload.kill();
});

/** Collects until `find` finds something. */
async function watchUntil<T>(
  args: (string | number)[],
  find: (records: DecodedRecord[], pid: number) => T | undefined,
) {
  const records: DecodedRecord[] = [];
  const collector = new ProcfsCollector(options);
  await collector.start({ record: (record) => records.push(record), batchEnd() {} });
  try {
    const workload = startWorkload(...args);
    running.push(workload);
    for (let waited = 0; waited < 15_000; waited += 20) {
      const found = find(records, workload.pid);
      if (found !== undefined) return found;
      await sleep(20);
    }
    return assert.fail('not seen');
  } finally {
    await collector.close();
  }
}

const execOfChild = (records: DecodedRecord[], pid: number) =>
  records.find((record) => record.type === 'exec' && record.parentPid === pid) as
    | Extract<DecodedRecord, { type: 'exec' }>
    | undefined;

test('an executable is told with its file', async () => {
  const exec = await watchUntil(['execs', 1, '--ms', 800], execOfChild);
  const { ino, dev } = statSync(WORKLOAD, { bigint: true });
  assert.equal(exec.executable, WORKLOAD);
  assert.equal(exec.inode, Number(ino));
  assert.equal(exec.device, (Number((dev >> 8n) & 0xfffn) << 20) | Number(dev & 0xffn));
  assert.deepEqual([exec.deleted, exec.memfd, exec.comm], [false, false, basename(WORKLOAD).slice(0, 15)]);
});

test('an executable without a name is told as deleted, one in memory as such', async () => {
  const deleted = await watchUntil(['deleted', '--ms', 800], execOfChild);
  assert.deepEqual([deleted.deleted, deleted.memfd], [true, false]);
  assert.match(deleted.executable, /\/workload-\w+$/);
  const memory = await watchUntil(['memfd', '--ms', 800], execOfChild);
  assert.deepEqual([memory.deleted, memory.memfd, memory.executable], [true, true, '/memfd:payload']);
});

test('a zombie tells its exit code, and of what signal it died', async () => {
  for (const [script, code, signal] of [
    ['(sleep 0.5; exit 7) & exec sleep 3', 7, null],
    ['(sleep 0.5; kill -9 $(sh -c "echo \\$PPID")) & exec sleep 3', null, 9],
    ['(sleep 0.5; exit 0) & exec sleep 3', 0, null],
  ] as const) {
    const records: DecodedRecord[] = [];
    const collector = new ProcfsCollector(options);
    await collector.start({ record: (record) => records.push(record), batchEnd() {} });
    const shell = spawn('sh', ['-c', script], { stdio: 'ignore' });
    try {
      const exitsOfChildren = () =>
        records.filter((record) => record.type === 'exit').filter(({ parentPid }) => parentPid === shell.pid);
      for (let waited = 0; exitsOfChildren().length === 0 && waited < 10_000; waited += 20) await sleep(20);
      const exits = exitsOfChildren();
      assert.equal(exits.length, 1);
      assert.deepEqual([exits[0]!.exitCode, exits[0]!.exitSignal], [code, signal]);
      assert.ok(existsSync(`/proc/${exits[0]!.pid}`), 'it is still there, as a zombie');
    } finally {
      await collector.close();
      shell.kill('SIGKILL');
    }
  }
});

test('single processes can be read', () => {
  const own = readProcess('/proc', process.pid)!;
  assert.equal(own.facts.uid, process.getuid?.());
  assert.equal(own.facts.cgroup, readFileSync('/proc/self/cgroup', 'utf8'));
  assert.equal(own.facts.nsPid, process.pid);
  assert.ok(own.facts.pidNs > 0 && own.facts.maxRssBytes > 1e6 && own.facts.codeKib > 0);
  assert.equal(own.executable, process.execPath);
  assert.deepEqual(readCmdline('/proc', process.pid), own.argv);
  assert.equal(readExecutable('/proc', process.pid), process.execPath);
  const gone = spawnSync('true').pid;
  assert.equal(readProcess('/proc', gone), null);
  assert.equal(readCmdline('/proc', gone), null);
  assert.equal(readExecutable('/proc', gone), null);
});
