import { Argument } from 'commander';
import { SHELLS, type Shell, scriptOf } from '../completion/index.ts';
import type { CommandDefinition } from './definition.ts';

export const completionCommand: CommandDefinition = {
  name: 'completion',
  description: 'print the script that completes command lines in a shell',
  help: {
    notes: [
      'It completes commands, options, and, by asking the agent for at most a second, names of pods, namespaces, workloads,',
      'containers and pids. The agent is found as always: --api on the line, COGNITOD_API, or the default.',
      'To keep it: bash: ~/.local/share/bash-completion/completions/cognitod (needs the package bash-completion), or source',
      'it in ~/.bashrc; zsh: a file _cognitod in a directory of $fpath; fish: ~/.config/fish/completions/cognitod.fish.',
    ],
    examples: [
      'source <(cognitod completion bash)',
      'source <(cognitod completion zsh)',
      'cognitod completion fish | source',
    ],
  },
  define: (command, { run }) =>
    command
      .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
      .action((shell: Shell) => {
        const script = scriptOf(shell);
        return run.output.write(
          run.json ? `${JSON.stringify({ schema_version: 1, shell, script })}\n` : script,
        );
      }),
};
