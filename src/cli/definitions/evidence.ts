import { CognitodError } from '../../lib/errors.ts';
import { argument, option } from '../option.ts';
import type { CommandDefinition } from './definition.ts';

const load = () => import('../commands/evidence.ts');

export const evidenceCommand: CommandDefinition = {
  name: 'evidence',
  description: 'a report for auditors, from the running agent; or check records that were kept',
  help: {
    notes: [
      'Prints Markdown, with --html a page, with --json the records themselves (docs/evidence.md).',
      '`cognitod evidence verify FILE` needs no agent: it takes evidence.jsonl, its directory, or a report of --json, and',
      'ends with 1 when any byte of a record was changed. `cognitod evidence key` prints the public key of the agent.',
    ],
    examples: [
      'cognitod evidence > evidence.md',
      'cognitod evidence --from 2026-10-01 --to 2026-12-31 --html > q4.html',
      'cognitod evidence key > node-7.pem',
      'cognitod evidence verify /var/lib/cognitod --public-key node-7.pem --anchor node-7.log',
    ],
  },
  define: (command, invocation) =>
    command
      .addArgument(argument('[action]', 'verify, or key', ['key', 'verify']))
      .addArgument(argument('[file]', 'what to verify', 'files'))
      .addOption(option('--from <day>', 'first day (UTC), like 2026-11-23'))
      .addOption(option('--to <day>', 'last day'))
      .addOption(option('--days <number>', 'the last days, today included, instead of --from and --to'))
      .option('--html', 'a page instead of Markdown')
      .option('--markdown', 'Markdown, as without it')
      .addOption(option('--head <hash>', 'verify: the hash that the last record must have'))
      .addOption(option('--public-key <file...>', 'verify: every record must be signed by it', 'files'))
      .addOption(
        option(
          '--anchor <file...>',
          "verify: lines of the agent's log, kept elsewhere: these records must be there",
          'files',
        ),
      )
      .action(async (action: string | undefined, file: string | undefined, options) => {
        const { run } = invocation;
        if (action === undefined) {
          await invocation.withContext(command, async (context) => {
            const { evidence } = await load();
            const { from, to, days, html, markdown } = options;
            if (html && markdown) throw new CognitodError('USAGE', 'give --html or --markdown, not both');
            const range = days === undefined ? { from, to } : lastDays(days, from ?? to);
            return evidence(context, { ...range, html: html === true });
          });
        } else if (action === 'verify' && file !== undefined) {
          const { verify } = await load();
          run.code = await verify(run.output, run.json, file, options);
        } else if (action === 'key' && file === undefined) {
          await invocation.withContext(command, async (context) => (await load()).key(context));
        } else
          throw new CognitodError('USAGE', 'evidence takes nothing, `key`, or `verify` and a file', {
            hint: 'cognitod help evidence',
          });
      }),
};

/** `days` as given; `other` is a bound that was given too. */
function lastDays(days: string, other: string | undefined): { from: string; to: undefined } {
  if (other !== undefined) throw new CognitodError('USAGE', 'give --days, or --from and --to');
  if (!/^[1-9]\d{0,3}$/.test(days))
    throw new CognitodError('USAGE', `--days must be a number from 1 to 9999, not ${JSON.stringify(days)}`);
  const first = new Date(Date.now() - (Number(days) - 1) * 86_400_000);
  return { from: first.toISOString().slice(0, 10), to: undefined };
}
