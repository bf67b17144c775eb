// ps, tree and show.
import { Option } from 'commander';
import { ago, filters, filtersFor, number } from '../common-options.ts';
import { argument, option } from '../option.ts';
import { type CommandDefinition, WHAT, WHERE } from './definition.ts';

const load = () => import('../commands/processes.ts');

export const psCommand: CommandDefinition = {
  name: 'ps',
  description: 'list processes',
  help: {
    examples: [
      'cognitod ps',
      'cognitod ps --uid 0 --comm sh',
      'cognitod ps payments/api-7f9',
      'cognitod ps --state exited --container 4f2a --json',
    ],
  },
  define: (command, invocation) =>
    filters(command.addArgument(argument('[where]', WHERE, 'places')))
      .addOption(
        new Option('--state <state>', 'which').choices(['running', 'exited', 'all']).default('running'),
      )
      .addOption(
        option('--since <time>', 'only who ran since then, or since so long ago: 15m').argParser(ago),
      )
      .addOption(option('--until <time>', 'only who had started by then').argParser(ago))
      .addOption(
        option('--limit <n>', 'at most so many (default: all)').argParser(number(1, Number.MAX_SAFE_INTEGER)),
      )
      .action((where: string | undefined, options) =>
        invocation.withContext(command, async (context) => {
          const { ps } = await load();
          const selected = await filtersFor(context, where, options);
          const { state, since, until } = options;
          return ps(context, { ...selected, state, since, until }, options.limit);
        }),
      ),
};

export const treeCommand: CommandDefinition = {
  name: 'tree',
  description: 'who started whom, of the node, of a pod or of one process',
  help: { examples: ['cognitod tree', 'cognitod tree payments/api-7f9', 'cognitod tree 4211'] },
  define: (command, invocation) =>
    command
      .addArgument(argument('[what]', WHAT, 'places and pids'))
      .action((what: string | undefined) =>
        invocation.withContext(command, async (context) => (await load()).tree(context, what)),
      ),
};

export const showCommand: CommandDefinition = {
  name: 'show',
  description: 'everything about one process, or about a pod and its processes',
  help: {
    notes: ['A pid is that of the running process, or else of the one that exited last with it.'],
    examples: [
      'cognitod show 1',
      'cognitod show deployment/api',
      'cognitod show b0075e1f-3aw-kf3m2t1 --json',
    ],
  },
  define: (command, invocation) =>
    command
      .addArgument(argument('<what>', WHAT, 'places and pids'))
      .action((what: string) =>
        invocation.withContext(command, async (context) => (await load()).show(context, what)),
      ),
};
