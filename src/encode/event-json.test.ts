// What an event looks like on the wire: fields, missing values, exact integers, escaping.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { eventSchema } from '../api/index.ts';
import type { Metadata } from '../identity/index.ts';
import { formatProcessId } from '../model/index.ts';
import { EventEncoder } from './event-json.ts';
import {
  apply,
  BOOT_ID,
  exec,
  exit,
  FakeModel,
  fork,
  hostIdentity,
  podIdentity,
  START_NS,
} from '../serve/fake-agent.fixture.ts';

const METADATA: Metadata = {
  namespace: 'shop',
  podName: 'web-5d',
  labels: {},
  annotations: {},
  node: 'node-1',
  serviceAccount: null,
  workload: null,
  containerName: 'main',
  containerKind: 'app',
  image: null,
  imageId: null,
  containerStartedAt: null,
  restartCount: null,
  provenance: { pod: 'cri', container: 'cri', workload: 'no-source' },
};
const strict = z.strictObject(eventSchema.shape);
const encoder = new EventEncoder(new FakeModel());
const write = (applied: Parameters<EventEncoder['text']>[0]) =>
  strict.parse(JSON.parse(encoder.text(applied)));

test('events of each type match the strict schema and lie on one line', () => {
  for (const event of [fork(), exec(), exit()]) {
    const applied = apply(event, 7, { identity: podIdentity('1234-5678', 'c'.repeat(64)) });
    const json = write(applied);
    assert.equal(json.type, event.type);
    assert.equal(json.seq, 7);
    assert.equal(json.pod_uid, '1234-5678');
    assert.doesNotMatch(encoder.text(applied), /[\r\n]/);
    assert.deepEqual(encoder.json(applied), json);
  }
});

test('what names claim, a cut path and the unit of a user are told where there are such', () => {
  const { claim: none, ...plain } = write(apply(fork()));
  assert.deepEqual([none, plain.user_unit, plain.cgroup_truncated], [undefined, undefined, undefined]);
  const identity = {
    ...hostIdentity,
    unit: 'user@1000.service',
    userUnit: 'x.service',
    truncated: true as const,
    claim: { podUid: '1234-5678', containerId: null, runtime: null, qos: 'burstable' as const },
    provenance: 'claimed' as const,
  };
  const json = write(apply(fork(), 7, { identity }));
  assert.deepEqual(
    [json.pod_uid, json.user_unit, json.cgroup_truncated, json.provenance],
    [null, 'x.service', true, 'claimed'],
  );
  assert.deepEqual(json.claim, { container_id: null, pod_uid: '1234-5678', runtime: null, qos: 'burstable' });
});

test('a pod that only the sources of names know is told with its tag', () => {
  const identity = { ...podIdentity('', 'c'.repeat(64)), podUid: null, tags: ['container:cccccccccccc'] };
  const metadata = { ...METADATA, podUid: '1234-5678' };
  for (const [known, podUid] of [
    [METADATA, null],
    [metadata, '1234-5678'],
    [METADATA, null],
  ] as const) {
    const json = write({ ...apply(fork(), 7, { identity }), metadata: known });
    assert.deepEqual([json.pod_uid, json.container_id], [podUid, 'c'.repeat(64)]);
    assert.equal(json.tags.includes('k8s_pod:1234-5678'), podUid !== null);
  }
});

test('a fork names its ids, its time and the image that it shares with its parent', () => {
  const json = write(apply(fork()));
  assert.equal(json.process_id, formatProcessId(BOOT_ID, 4321, START_NS));
  assert.equal(json.parent_process_id, formatProcessId(BOOT_ID, 1200, 1_000_000_000n));
  assert.equal(json.time, '2023-11-14T22:13:26.000000123Z');
  assert.equal(json.executable, '/usr/bin/bash');
  assert.deepEqual(json.argv, ['bash', '-c', 'make -j8 all']);
  assert.equal(json.source, 'ebpf');
});

test('the forker is named only when it is not the parent', () => {
  assert.equal('forker_pid' in write(apply(fork())), false);
  assert.equal('forker_pid' in write(apply(fork({ forkerPid: 0, forkerStartNs: 0n }))), false);
  const json = write(apply(fork({ forkerPid: 1300, forkerStartNs: 9n })));
  assert.equal(json.forker_pid, 1300);
  assert.equal(json.forker_process_id, formatProcessId(BOOT_ID, 1300, 9n));
});

test('values that the kernel does not have are null', () => {
  const missing = { loginuid: 4294967295, sessionId: 4294967295, pidNs: 0, mntNs: 0, cgroupNs: 0, nsPid: 0 };
  const json = write(apply(fork({ ...missing, parentPid: 0, parentStartNs: 0n, forkerPid: 0 })));
  for (const field of [
    'loginuid',
    'session_id',
    'pid_namespace',
    'mnt_namespace',
    'cgroup_namespace',
  ] as const) {
    assert.equal(json[field], null, field);
  }
  assert.equal(json.ns_pid, null);
  assert.equal(json.cgroup_v1_id, null);
  assert.equal(json.parent_process_id, null);
  assert.equal(json.ppid, 0);
  assert.equal(write(apply(fork({ cgroupV1Id: 12 }))).cgroup_v1_id, 12);
});

test('an exec tells its arguments, its file and its flags', () => {
  const json = write(
    apply(exec({ upperLayer: true, callerTid: 4400, capEffective: 2 ** 41 - 1, argvMasked: 2 })),
  );
  assert.deepEqual(json.argv, ['make', '-j8', 'all', '--output-sync=target', 'PREFIX=/usr/local']);
  assert.equal(json.executable, '/usr/bin/make');
  assert.equal(json.device, '8:1');
  assert.equal(json.upper_layer, true);
  assert.equal(json.caller_tid, 4400);
  assert.equal(json.cap_effective, '000001ffffffffff');
  assert.equal(json.argv_masked, 2);
  for (const field of ['caller_tid', 'interpreter', 'file_name'])
    assert.equal(field in write(apply(exec())), false, field);
  const script = write(apply(exec({ interpreter: '/bin/"sh', fileName: 'a\\b' })));
  assert.deepEqual([script.interpreter, script.file_name], ['/bin/"sh', 'a\\b']);
  assert.equal(write(apply(exec())).upper_layer, null);
  assert.equal(write(apply(exec({ device: 4294967295 }))).device, '4095:1048575');
});

test('arguments that could not be read are null, not an empty list', () => {
  const json = write(apply(exec({ argv: [], argvUnreadable: true })));
  assert.equal(json.argv, null);
  assert.equal(json.argv_unreadable, true);
});

test('an exit tells how and after how long', () => {
  const json = write(apply(exit({ exitCode: null, exitSignal: 9, coreDumped: true })));
  assert.equal(json.exit_code, null);
  assert.equal(json.exit_signal, 9);
  assert.equal(json.exit_signal_name, 'SIGKILL');
  assert.equal(json.core_dumped, true);
  assert.equal(json.lifetime_ns, 1_000_000_123);
  const byItself = write(apply(exit()));
  assert.equal(byItself.exit_code, 0);
  assert.equal(byItself.exit_signal_name, null);
});

test('integers above 2^53 keep all their digits in the text and still match the schema', () => {
  const text = encoder.text(apply(exit({ ktimeNs: 9_007_199_254_740_993n, startNs: 0n })));
  assert.match(text, /"ktime_ns":9007199254740993,/);
  assert.match(text, /"lifetime_ns":9007199254740993[,}]/);
  strict.parse(JSON.parse(text));
  strict.parse(JSON.parse(encoder.text(apply(exec({ inode: 2 ** 63 })))));
});

test('only an event from procfs says procfs', () => {
  assert.equal(write(apply(fork({ source: 'procfs' }))).source, 'procfs');
});

test('whatever a process calls itself survives the text', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 });
  const nasty = fc.oneof(text, fc.constantFrom('"', '\\', '\n\ndata: x', '\u0000', '\u2028', '}', '\u007f'));
  fc.assert(
    fc.property(nasty, fc.array(nasty), nasty, (comm, argv, unit) => {
      const identity = { ...podIdentity('u', 'c'), unit, tags: argv };
      const json = write(apply(exec({ comm, argv, executable: `/${comm}` }), 1, { identity }));
      assert.equal(json.comm, comm);
      assert.deepEqual(json.argv, argv);
      assert.equal(json.executable, `/${comm}`);
      assert.equal(json.unit, unit);
      assert.deepEqual(json.tags, argv);
    }),
  );
});
