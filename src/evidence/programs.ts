// What is loaded into the kernel, and that it can only look.
import { createHash } from 'node:crypto';
import type { EvidenceContent } from '../api/index.ts';
import {
  ALLOWED_HELPERS,
  countInstructions,
  helpersCalled,
  type ObjectName,
  readObjectFile,
} from '../kernel/index.ts';

/** The objects that these hooks (e.g. `tp_btf/sched_process_fork`, `iter/task`) are from. */
export function describePrograms(hooks: readonly string[]): EvidenceContent['programs'] {
  const byObject = Map.groupBy(hooks, objectOf);
  return [...byObject].map(([name, hooksOfObject]) => describeObject(name, hooksOfObject));
}

function objectOf(hook: string): ObjectName {
  if (hook.startsWith('iter/')) return 'snapshot';
  return hook.startsWith('raw_tp/') ? 'lifecycle-raw' : 'lifecycle';
}

function describeObject(name: ObjectName, hooks: string[]): EvidenceContent['programs'][number] {
  const file = readObjectFile(name);
  const helpers = helpersCalled(file);
  return {
    object: `${name}.bpf.o`,
    sha256: createHash('sha256').update(file).digest('hex'),
    instructions: countInstructions(file),
    hooks,
    helpers: helpers.map((id) => ALLOWED_HELPERS.get(id) ?? `helper ${id}, which is not on the allow-list`),
    read_only: helpers.every((id) => ALLOWED_HELPERS.has(id)),
  };
}
