import { ago, filters, filtersFor, MAX_U32, number } from '../common-options.ts';
import { argument, option } from '../option.ts';
import { type CommandDefinition, WHERE } from './definition.ts';

export const streamCommand: CommandDefinition = {
  name: 'stream',
  description: 'print events as they happen',
  help: {
    notes: [
      'A line per event: local time, kind, pid, parent, user, pod/container or unit, command or how it ended.',
      'With --json a line is an event as the agent sent it (docs/events.md), or {"type":"gap","lost":N} for events',
      'that this client was too slow for. Without --ready-fd the first line on standard error says when the stream',
      'is connected: nothing is missed from then on. A connection that breaks is opened again for 10 seconds and goes on',
      'where it broke off; after that it ends with 4.',
    ],
    examples: [
      'cognitod stream --type exec',
      'cognitod stream --json --workload deployment/web --type exec,exit | jq -r .executable',
      'cognitod stream --json --ready-fd 3 3>ready >events.jsonl',
    ],
  },
  define: (command, invocation) =>
    filters(
      command
        .addArgument(argument('[where]', WHERE, 'places'))
        .addOption(option('--type <types>', 'only these: fork,exec,exit', ['fork', 'exec', 'exit'])),
    )
      .addOption(
        option('--ready-fd <n>', 'write «ready» to this descriptor once connected, and close it').argParser(
          number(0, MAX_U32),
        ),
      )
      .addOption(
        option('--count <n>', 'end after so many events').argParser(number(1, Number.MAX_SAFE_INTEGER)),
      )
      .addOption(
        option(
          '--since <time>',
          'begin with the events since then, as far as they are kept; or how long ago: 15m',
        ).argParser(ago),
      )
      .option('--retry', 'wait for the agent, however long it is away')
      .option('--no-reconnect', 'end when the connection breaks')
      .action((where: string | undefined, options) =>
        invocation.withContext(command, async (context) => {
          const { stream } = await import('../commands/stream.ts');
          const selected = await filtersFor(context, where, options);
          return stream(context, {
            ...options,
            filters: { ...selected, type: options.type, since: options.since },
          });
        }),
      ),
};
