// Parts of the status document: what other stages know, in the words of the API.
import type { ProgramJson, StatusJson } from '../api/index.ts';
import type { MetadataStore } from '../identity/index.ts';
import type { ProgramState } from '../kernel/index.ts';
import type { TaskState } from '../lib/index.ts';
import type { LateBinding } from '../model/index.ts';

export const programJson = (program: ProgramState): ProgramJson => ({
  hook: program.hook,
  name: program.name,
  id: program.id,
  tag: program.tag,
  verified_instructions: program.verifiedInstructions,
  attached: program.attached,
  runs: program.runCount,
  run_seconds: program.runTimeNs === null ? null : program.runTimeNs / 1e9,
});

export const taskJson = ({ lastFailure, ...task }: TaskState): StatusJson['tasks'][number] => ({
  ...task,
  last_failure: lastFailure,
});

/** Who names pods and containers, and what waits for them. */
export function metadataJson(
  metadata: Pick<MetadataStore, 'sources' | 'counts' | 'inferredCounts'>,
  binding: Pick<LateBinding, 'counts'>,
): StatusJson['metadata'] {
  const { held, releasedUnnamed, overflowed, waiting } = binding.counts();
  const { inferred, confirmed, refuted } = metadata.inferredCounts();
  return {
    sources: metadata.sources().map(({ lastSuccess, ...source }) => ({
      ...source,
      last_success: lastSuccess,
    })),
    ...metadata.counts(),
    inferred,
    inferred_confirmed: confirmed,
    inferred_refuted: refuted,
    held,
    released_unnamed: releasedUnnamed,
    overflowed,
    waiting,
  };
}
