import type { CommandDefinition } from './definition.ts';

export const doctorCommand: CommandDefinition = {
  name: 'doctor',
  description: 'check the agent and the node: what is wrong, and what to do',
  help: {
    notes: [
      'Run it on the node, or in the pod of the agent. Ends with 1 when a check failed. docs/doctor.md has all checks.',
      '--before-install needs no agent: it loads and attaches the programs once and takes them off again (as root).',
    ],
    examples: [
      'cognitod doctor',
      'sudo cognitod doctor --before-install',
      'sudo cognitod doctor --manifest > cognitod.yaml',
      'kubectl exec -n linnix-observability cognitod-x7k2p -- /opt/cognitod/bin/cognitod doctor',
    ],
  },
  define: (command, invocation) =>
    command
      .option('--before-install', 'without an agent: could one run here?')
      .option('--manifest', 'write the smallest manifest that works on this node')
      .action((options) =>
        invocation.withContext(
          command,
          async (context) => {
            const { doctor } = await import('../commands/doctor.ts');
            return doctor(context, {
              configFile: invocation.configFile(command),
              beforeInstall: options.beforeInstall === true,
              manifest: options.manifest === true,
            });
          },
          options.beforeInstall !== true && options.manifest !== true,
        ),
      ),
};
