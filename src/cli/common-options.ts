// Options that several commands have, and what they mean to the agent.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Query } from './client.ts';
import { COLOR_MODES } from './color.ts';
import type { Context } from './context.ts';
import { OUTPUT_FORMATS } from './output-format.ts';
import { option } from './option.ts';
import { DEFAULT_API } from './settings.ts';
import { timeOption } from './time-option.ts';

export const MAX_U32 = 4_294_967_295;

/** Options that stand before or after the name of the command. */
export function addCommonOptions(command: Command): void {
  command
    .optionsGroup('Common options:')
    .option('--json', 'JSON: one document, or one line per record')
    .addOption(
      new Option('-o, --output <format>', 'table for people, json as --json, yaml').choices(OUTPUT_FORMATS),
    )
    .addOption(option('--config <file>', 'configuration file (COGNITOD_CONFIG)', 'files'))
    .addOption(
      option('--api <url>', `address of the agent, or unix:/path (COGNITOD_API; default ${DEFAULT_API})`),
    )
    .addOption(
      option(
        '--ca-file <file>',
        'authority of the certificate of the agent, PEM (or COGNITOD_CA_FILE)',
        'files',
      ),
    )
    .addOption(
      option('--cert-file <file>', 'certificate to show to the agent, PEM (or COGNITOD_CERT_FILE)', 'files'),
    )
    .addOption(
      option('--key-file <file>', 'private key of that certificate, PEM (or COGNITOD_KEY_FILE)', 'files'),
    )
    .addOption(
      option(
        '--token-file <file>',
        'file with the token of the agent (or the token itself in COGNITOD_TOKEN)',
        'files',
      ),
    )
    .addOption(new Option('--color <when>', 'colours; NO_COLOR is honoured').choices(COLOR_MODES))
    .helpOption('-h, --help', 'this help');
}

/** Which processes or events. */
export function filters(command: Command): Command {
  return command
    .addOption(option('--pod <name>', 'only this pod (name, namespace/name, uid or its beginning)', 'pods'))
    .addOption(option('--namespace <name>', 'only pods of this namespace', 'namespaces'))
    .addOption(
      option(
        '--workload <name>',
        'only pods of this workload (name, or kind/name like deployment/web)',
        'workloads',
      ),
    )
    .addOption(option('--container <name>', 'only this container (name, id or its beginning)', 'containers'))
    .addOption(option('--uid <n>', 'only this user').argParser(number(0, MAX_U32)))
    .addOption(option('--comm <name>', 'only this command name', 'comms'))
    .addOption(option('--executable <path>', 'only this program; without a slash in any directory', 'files'))
    .addOption(option('--pid <n>', 'only this pid', 'pids').argParser(number(0, MAX_U32)));
}

/** What the filters select, and within it what `where` names. */
export async function filtersFor(
  { client }: Context,
  where: string | undefined,
  options: Record<string, string | number | undefined>,
): Promise<Query> {
  const query = filterQuery(options);
  if (where === undefined) return query;
  const { findPlace } = await import('./place.ts');
  return { ...query, ...(await findPlace(client, where)).filters };
}

function filterQuery(options: Record<string, string | number | undefined>): Query {
  const { pod, namespace, workload, container, uid, comm, executable, pid } = options;
  return { pod, namespace, workload, container, uid, comm, executable, pid };
}

/** A moment, or how long ago. */
export const ago = (text: string) => timeOption(text);

/** A whole number. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number${min > 0 ? ` from ${min}` : ''}.`);
  };
}
