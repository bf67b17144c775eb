import { Option } from 'commander';
import { filters, filtersFor, number } from '../common-options.ts';
import { argument, option } from '../option.ts';
import { type CommandDefinition, WHERE } from './definition.ts';

export const topCommand: CommandDefinition = {
  name: 'top',
  description: 'pods and processes by activity, live',
  help: {
    notes: [
      'In the terminal: ? lists the keys, q quits. The second line tells whether anything was lost.',
      '--once prints one look and ends: for scripts, and where there is no terminal.',
    ],
    examples: [
      'cognitod top',
      'cognitod top --view processes payments/api-7f9',
      'cognitod top --once --json',
    ],
  },
  define: (command, invocation) =>
    filters(command.addArgument(argument('[where]', WHERE, 'places')))
      .addOption(
        new Option('--view <view>', 'what to show first').choices(['pods', 'processes']).default('pods'),
      )
      .addOption(option('--interval <seconds>', 'between two looks').argParser(number(1, 3600)).default(2))
      .option('--once', 'print one look and end')
      .action((where: string | undefined, options) =>
        invocation.withContext(command, async (context) => {
          const { interval: intervalSeconds, once } = options;
          const selected = await filtersFor(context, where, options);
          const view = where === undefined ? options.view : 'processes';
          if (once === true || invocation.run.json) {
            const { topOnce } = await import('../top/once.ts');
            return topOnce(context, { view, intervalSeconds, filters: selected });
          }
          const { top } = await import('../top/top.ts');
          return top(context, { view, intervalSeconds, filters: selected });
        }),
      ),
};
