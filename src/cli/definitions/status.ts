import type { CommandDefinition } from './definition.ts';

export const statusCommand: CommandDefinition = {
  name: 'status',
  description: 'whether the agent sees everything: ledger, collector, memory',
  help: {
    notes: ['Ends with 0 when the whole node is seen, with 3 when not.'],
    examples: ['cognitod status', 'cognitod status --json | jq .ledger'],
  },
  define: (command, invocation) =>
    command.action(() =>
      invocation.withContext(command, async (context) =>
        (await import('../commands/status.ts')).status(context),
      ),
    ),
};
