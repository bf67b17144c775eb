import { CognitodError } from '../../lib/errors.ts';
import { argument } from '../option.ts';
import type { CommandDefinition } from './definition.ts';

export const helpCommand: CommandDefinition = {
  name: 'help',
  description: 'help of a command',
  help: { examples: ['cognitod help stream', 'cognitod help --json | jq .commands[].name'] },
  define: (command) =>
    command
      .addArgument(argument('[command]', 'name of a command', 'commands'))
      .action((name: string | undefined) => {
        const program = command.parent!;
        const about = name === undefined ? program : program.commands.find((one) => one.name() === name);
        if (about === undefined)
          throw new CognitodError('USAGE', `there is no command «${name}»`, {
            hint: 'cognitod help lists them',
          });
        about.outputHelp();
      }),
};
