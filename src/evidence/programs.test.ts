import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { readObjectFile } from '../kernel/index.ts';
import { describePrograms } from './programs.ts';

const hashOf = (name: string) => createHash('sha256').update(readObjectFile(name)).digest('hex');
const others = (style: string) =>
  ['sched_process_exec', 'sched_process_exit'].map((name) => `${style}/${name}`);

for (const [style, fork, object] of [
  ['tp_btf', 'sched_process_fork', 'lifecycle'],
  ['raw_tp', 'sched_process_fork', 'lifecycle-raw'],
  ['tp_btf', 'sched_wakeup_new', 'lifecycle-preemptible'],
  ['raw_tp', 'sched_wakeup_new', 'lifecycle-raw-preemptible'],
] as const) {
  test(`programs on ${style}/${fork} are told with the object that they are from`, () => {
    const copies = object.endsWith('-preemptible') ? others(style) : [];
    const [described, iterator] = describePrograms([
      ...[...others(style), ...copies, `${style}/${fork}`].map((hook) => ({ object, hook })),
      { object: 'snapshot', hook: 'iter/task' },
    ]);
    assert.equal(described!.object, `${object}.bpf.o`);
    assert.equal(described!.sha256, hashOf(object));
    assert.deepEqual(described!.hooks, [...others(style), `${style}/${fork}`], 'each hook once');
    assert.equal(described!.read_only, true);
    assert.equal(described!.helpers.includes('bpf_preempt_disable'), object.endsWith('-preemptible'));
    assert.equal(iterator!.object, 'snapshot.bpf.o');
  });
}
