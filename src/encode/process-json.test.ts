// What a process looks like on the wire.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { imageSchema, processSchema } from '../api/index.ts';
import { formatProcessId, type Image } from '../model/index.ts';
import { BOOT_ID, FakeModel, podIdentity, shell } from '../serve/fake-agent.fixture.ts';
import { processDetailJson, processJson } from './process-json.ts';

const strict = z.strictObject({ ...processSchema.shape, images: z.array(imageSchema.strict()).optional() });
const through = (value: unknown) => strict.parse(JSON.parse(JSON.stringify(value)));

test('a running process matches the strict schema, without images', () => {
  const model = new FakeModel();
  const parent = model.add();
  const child = model.addChild(parent, {
    identity: podIdentity('pod-1', 'd'.repeat(64)),
    nsPid: 0,
    capEffective: '0000000000000400',
  });
  const json = through(processJson(child, model));
  assert.equal(json.process_id, model.processIdOf(child));
  assert.equal(json.parent_process_id, formatProcessId(BOOT_ID, parent.pid, parent.startNs));
  assert.equal(json.pod_uid, 'pod-1');
  assert.equal(json.ns_pid, null);
  assert.equal(json.cap_effective, '0000000000000400');
  assert.equal(json.exit_time, null);
  assert.equal('images' in json, false);
  assert.equal(through(processJson(parent, model)).children, 1);
  assert.equal(through(processJson(parent, model)).parent_process_id, null);
});

test('what is only claimed is told beside what the process is', () => {
  const model = new FakeModel();
  const claim = { podUid: null, containerId: 'd'.repeat(64), runtime: 'docker', qos: null };
  const process = model.add({
    identity: { ...podIdentity('', ''), podUid: null, containerId: null, provenance: 'claimed', claim },
  });
  const json = through(processJson(process, model));
  assert.deepEqual([json.pod_uid, json.container_id, json.provenance], [null, null, 'claimed']);
  assert.deepEqual(json.claim, { container_id: 'd'.repeat(64), pod_uid: null, runtime: 'docker', qos: null });
});

test('an exited process tells when and how', () => {
  const model = new FakeModel();
  const process = model.add();
  model.end(process);
  const json = through(processJson(process, model));
  assert.equal(json.state, 'exited');
  assert.equal(json.exit_code, 0);
  assert.equal(json.exit_time, model.timeOf(process.exitKtimeNs!));
  assert.deepEqual([json.exit_signal, json.exit_signal_name], [null, null]);
  process.exit = { ...process.exit!, exitCode: null, exitSignal: 9 };
  const killed = through(processJson(process, model));
  assert.deepEqual([killed.exit_code, killed.exit_signal, killed.exit_signal_name], [null, 9, 'SIGKILL']);
});

test('a start time above 2^53 keeps its digits in the text', () => {
  const model = new FakeModel();
  const process = model.add({ startNs: 9_007_199_254_740_993n });
  const text = JSON.stringify(processJson(process, model));
  assert.match(text, /"start_ktime_ns":9007199254740993,/);
  through(processJson(process, model));
});

test('images are listed oldest first, and the one from the fork is the parent’s', () => {
  const model = new FakeModel();
  const image = (comm: string, sinceKtimeNs: bigint): Image => ({ ...shell, comm, sinceKtimeNs });
  const process = model.add({
    execSeq: 2,
    earlierImages: [shell, image('env', 7_000_000_000n)],
    image: image('node', 8_000_000_000n),
  });
  const { images } = through(processDetailJson(process, model));
  assert.deepEqual(
    images?.map(({ exec_seq, comm, source, since }) => [exec_seq, comm, source, since]),
    [
      [0, 'bash', 'inherited', model.timeOf(process.startNs)],
      [1, 'env', 'ebpf', model.timeOf(7_000_000_000n)],
      [2, 'node', 'ebpf', model.timeOf(8_000_000_000n)],
    ],
  );
});

test('images keep their numbers when the oldest are forgotten', () => {
  const model = new FakeModel();
  const process = model.add({ execSeq: 40, earlierImages: [shell] });
  const { images } = through(processDetailJson(process, model));
  assert.deepEqual(
    images?.map(({ exec_seq, source }) => [exec_seq, source]),
    [
      [39, 'ebpf'],
      [40, 'ebpf'],
    ],
  );
});

test('an image from before the agent has no beginning', () => {
  const model = new FakeModel();
  const process = model.add({
    birth: 'snapshot',
    image: { ...shell, sinceKtimeNs: null, source: 'snapshot' },
  });
  const [image] = through(processDetailJson(process, model)).images!;
  assert.equal(image?.since, null);
  assert.equal(image?.source, 'snapshot');
});
