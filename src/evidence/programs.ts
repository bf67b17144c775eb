// What is loaded into the kernel, and that it can only look.
import { createHash } from 'node:crypto';
import type { EvidenceContent } from '../api/index.ts';
import {
  ALLOWED_HELPERS,
  ALLOWED_KERNEL_FUNCTIONS,
  countInstructions,
  helpersCalled,
  kernelFunctionsCalled,
  type ProgramFacts,
  readObjectFile,
} from '../kernel/index.ts';

/** The objects that these programs are from, each with the hooks that its programs stand on. */
export function describePrograms(
  programs: readonly Pick<ProgramFacts, 'object' | 'hook'>[],
): EvidenceContent['programs'] {
  const byObject = Map.groupBy(programs, ({ object }) => object);
  return [...byObject].map(([name, all]) =>
    describeObject(
      name,
      all.map(({ hook }) => hook),
    ),
  );
}

function describeObject(name: string, hooks: string[]): EvidenceContent['programs'][number] {
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
