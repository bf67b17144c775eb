// What is loaded into the kernel, and that it can only look.
import { createHash } from 'node:crypto';
import type { EvidenceContent } from '../api/index.ts';
import {
  ALLOWED_HELPERS,
  ALLOWED_KERNEL_FUNCTIONS,
  countInstructions,
  helpersCalled,
  kernelFunctionsCalled,
  type ObjectName,
  readObjectFile,
} from '../kernel/index.ts';

/** The objects that these hooks (e.g. `tp_btf/sched_process_fork`, `iter/task`) are from. */
export function describePrograms(hooks: readonly string[]): EvidenceContent['programs'] {
  const preemptible = hooks.some((hook) => hook.endsWith(`/${PREEMPTIBLE_FORK}`));
  const byObject = Map.groupBy(hooks, (hook) => objectOf(hook, preemptible));
  return [...byObject].map(([name, hooksOfObject]) => describeObject(name, hooksOfObject));
}

/** Where forks are told by the objects for kernels that can preempt tracepoints, and by no other. */
const PREEMPTIBLE_FORK = 'sched_wakeup_new';

function objectOf(hook: string, preemptible: boolean): ObjectName {
  if (hook.startsWith('iter/')) return 'snapshot';
  const style = hook.startsWith('raw_tp/') ? 'lifecycle-raw' : 'lifecycle';
  return preemptible ? `${style}-preemptible` : style;
}

function describeObject(name: ObjectName, hooks: string[]): EvidenceContent['programs'][number] {
  const file = readObjectFile(name);
  const helpers = helpersCalled(file);
  const functions = kernelFunctionsCalled(file);
  return {
    object: `${name}.bpf.o`,
    sha256: createHash('sha256').update(file).digest('hex'),
    instructions: countInstructions(file),
    hooks: [...new Set(hooks)],
    helpers: [
      ...helpers.map((id) => ALLOWED_HELPERS.get(id) ?? `helper ${id}, which is not on the allow-list`),
      ...functions,
    ],
    read_only:
      helpers.every((id) => ALLOWED_HELPERS.has(id)) &&
      functions.every((name) => ALLOWED_KERNEL_FUNCTIONS.includes(name)),
  };
}
