import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLayout } from '../decode/index.ts';
import { cannotUseBpf } from '../../test/support/observe.ts';
import { withoutEffective } from '../os/index.ts';
import { attachedPrograms, type LoadedPrograms } from './loaded-programs.ts';
import { loadPrograms } from './loader.ts';
import { readPrograms } from './program-info.ts';

const skip = cannotUseBpf();

function withPrograms(use: (programs: LoadedPrograms) => void): void {
  const programs = loadPrograms({
    hooks: 'tp_btf',
    ringBytes: 65536,
    argvBytes: 4096,
    btfPath: null,
    checkTypes: checkLayout,
  });
  try {
    use(programs);
  } finally {
    programs.close();
  }
}

/** Linux 7 can preempt tracepoints: forks are told where nothing can, execs and exits by programs that take turns. */
const forkHook = ({ preemptible }: LoadedPrograms) =>
  preemptible ? 'sched_wakeup_new' : 'sched_process_fork';

test('without any capability the kernel tells name, id and tag of own programs', { skip }, () => {
  withPrograms((programs) => {
    const read = withoutEffective(() => readPrograms(programs, '/proc'));
    const copies = programs.preemptible ? 4 : 1;
    const copied = ['exec', 'exit'].map((what) => `tp_btf/sched_process_${what} sched_process_e`);
    const expected = [
      'iter/task list_tasks',
      'tp_btf/cgroup_attach_task on_cgroup_attac',
      'tp_btf/cgroup_mkdir on_cgroup_mkdir',
      'tp_btf/cgroup_rmdir on_cgroup_rmdir',
      ...copied.flatMap((program) => Array<string>(copies).fill(program)),
      `tp_btf/${forkHook(programs)} sched_process_f`,
    ];
    assert.deepEqual(read.map(({ hook, name }) => `${hook} ${name}`).sort(), expected.sort());
    assert.equal(new Set(read.map(({ id }) => id)).size, expected.length);
    for (const { tag, attached } of read) {
      assert.match(tag, /^[0-9a-f]{16}$/);
      assert.equal(attached, true);
    }
  });
});

test('a program without a link of ours is not attached', { skip }, () => {
  withPrograms((programs) => {
    const [first] = attachedPrograms(programs);
    const objects = programs.objects.map((object) => ({
      ...object,
      programs: object.programs.map((program) =>
        program.facts.hook.endsWith(forkHook(programs)) ? { ...program, linkFd: first!.linkFd } : program,
      ),
    }));
    const detached = readPrograms({ objects }, '/proc').filter(({ attached }) => !attached);
    assert.deepEqual(
      detached.map(({ name }) => name),
      ['sched_process_f'],
    );
  });
});
