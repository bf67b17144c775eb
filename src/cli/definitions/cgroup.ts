import { argument } from '../option.ts';
import type { CommandDefinition } from './definition.ts';

export const cgroupCommand: CommandDefinition = {
  name: 'cgroup',
  description: 'what the names in a cgroup path say (needs no agent)',
  help: {
    notes: [
      'With --json and no arguments: lines {"input": "<content of a /proc/PID/cgroup>"} in (up to 1 MiB each), and for',
      'each a line with container_id, pod_uid, runtime, qos, tags and unit out, or {"error": "…"} and in the end exit',
      'code 1.',
    ],
    examples: [
      'cognitod cgroup 4211',
      'cognitod cgroup < /proc/self/cgroup',
      `echo '{"input":"0::/user.slice"}' | cognitod cgroup --json`,
    ],
  },
  define: (command, { deps, run }) =>
    command
      .addArgument(
        argument(
          '[pid-or-path...]',
          'pids, files, or cgroup paths; standard input when none is given',
          'pids and files',
        ),
      )
      .action(async (inputs: string[]) => {
        const { cgroup } = await import('../commands/cgroup.ts');
        run.code = await cgroup(deps, run.output, run.json, inputs);
      }),
};
