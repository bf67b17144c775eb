// The commands, in the order of the help. A further one is a file here and a line in this list.
import { admissionCommand } from './admission.ts';
import { agentCommand } from './agent.ts';
import { cgroupCommand } from './cgroup.ts';
import { completionCommand } from './completion.ts';
import type { CommandDefinition } from './definition.ts';
import { doctorCommand } from './doctor.ts';
import { evidenceCommand } from './evidence.ts';
import { helpCommand } from './help.ts';
import { psCommand, showCommand, treeCommand } from './processes.ts';
import { statusCommand } from './status.ts';
import { streamCommand } from './stream.ts';
import { topCommand } from './top.ts';
import { versionCommand } from './version.ts';

export { type CliRun, Invocation } from './definition.ts';
export { versionText } from './version.ts';

export const COMMANDS: readonly CommandDefinition[] = [
  agentCommand,
  streamCommand,
  psCommand,
  treeCommand,
  showCommand,
  topCommand,
  statusCommand,
  doctorCommand,
  evidenceCommand,
  cgroupCommand,
  admissionCommand,
  completionCommand,
  versionCommand,
  helpCommand,
];
