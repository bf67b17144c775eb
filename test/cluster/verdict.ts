// What is said of one agent after a scene: names of every event and process, and how the containers ended.
import type { EventJson } from '../../src/api/index.ts';
import type { SuiteAgent } from './agents.ts';
import { compareEndings } from './endings.ts';
import { judge } from './judge.ts';
import type { Mark } from './mark.ts';
import { POD_DURING } from './outage.ts';
import { type Figures, report } from './report.ts';
import type { Scene } from './scene.ts';

export interface Verdict {
  readonly right: boolean;
  readonly figures: Figures;
}

/** Groups that every scene has, whatever its cluster can do. */
export const groupsOf = ({ expected }: Scene): Set<string> =>
  new Set([...expected.map(({ group }) => group), 'exec', 'ephemeral']);

/** Prints it. `groupOf` gives the line of the report; null: the event is not looked at. */
export async function verdictOn(
  agent: SuiteAgent,
  scene: Scene,
  groups: ReadonlySet<string>,
  groupOf: (mark: Mark, event: EventJson) => string | null = (mark) => mark.group,
): Promise<Verdict> {
  const { pods } = scene;
  const evidence = agent.evidence();
  const verdicts = judge({
    evidence,
    pods,
    listed: await agent.listed(),
    required: scene.required().filter(({ group }) => groups.has(group)),
    groupOf,
    groupOfListed: ({ group }) => (groups.has(group) ? group : null),
    duringOutage: new Set([POD_DURING]),
  });
  const { title, mayBeLate } = agent;
  const { right, figures } = report({ title, verdicts, mayBeLate });
  const { ended, outOfMemory, wrong } = compareEndings(evidence, scene.lives(), pods, groups);
  console.log(
    `  ends of containers: ${ended - wrong.length} of ${ended} as kubectl says, ${outOfMemory} of them for memory`,
  );
  for (const text of wrong) console.log(`  wrong: ${text}`);
  if (agent.gaps() > 0) console.log(`  the stream had ${agent.gaps()} gaps`);
  const sawOutOfMemory = !groups.has('out-of-memory') || outOfMemory > 0;
  if (!sawOutOfMemory) console.log('  wrong: no container was killed for memory');
  return { right: right && wrong.length === 0 && agent.gaps() === 0 && sawOutOfMemory, figures };
}
