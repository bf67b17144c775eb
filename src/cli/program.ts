// The commands, their options and their help.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CognitodError } from '../lib/errors.ts';
import type { Query } from './client.ts';
import { type Context, makeContext } from './context.ts';
import type { CliDeps, Output } from './deps.ts';
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit-codes.ts';
import { clientSettings, DEFAULT_API, type GlobalOptions } from './settings.ts';

type ColorMode = 'auto' | 'always' | 'never';
interface ParsedGlobals extends GlobalOptions {
  readonly json?: boolean;
  readonly color?: ColorMode;
}

/** Runs a command line (without `node` and the script) and resolves with its exit code. Never throws. */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const result = { code: EXIT.ok as number };
  const program = buildProgram(deps, result);
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
    return result.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    report(error, argv.includes('--json'), deps);
    return exitCodeOf(error);
  }
}

function report(error: unknown, json: boolean, deps: CliDeps): void {
  const { message, hint, code } =
    error instanceof CognitodError
      ? { message: error.message, hint: error.hint, code: error.code as string }
      : {
          message: (error as Error).stack ?? String(error),
          hint: 'this is a bug: please report it',
          code: 'INTERNAL',
        };
  if (json) {
    deps.stderr.write(`${JSON.stringify({ error: { code, message, hint: hint ?? null } })}\n`);
    return;
  }
  deps.stderr.write(`cognitod: ${message}\n`);
  if (hint !== undefined) deps.stderr.write(`cognitod: ${hint}\n`);
}

function buildProgram(deps: CliDeps, result: { code: number }): Command {
  const program = new Command('cognitod');
  const wantsColor = (options: ParsedGlobals, output: Output) =>
    useColor(options.color ?? 'auto', output, deps.env);
  const withContext = async (command: Command, run: (context: Context) => Promise<unknown>) => {
    const options = command.optsWithGlobals() as ParsedGlobals;
    const settings = await clientSettings(options, deps.env);
    const context = makeContext(deps, options.json === true, wantsColor(options, deps.stdout), settings);
    const code = await run(context);
    if (typeof code === 'number') result.code = code;
  };

  configure(program, deps)
    .description(
      'Sees every process on a Linux node, says which pod it belongs to, and loses none without a count.',
    )
    .addHelpText(
      'after',
      `\n${EXIT_CODES_HELP}\n\nStart the agent with \`cognitod agent\` (as root), then look with the other commands.`,
    );

  add(program, deps, 'agent', 'run the agent in the foreground, until Ctrl-C')
    .option('--check-config', 'check the configuration and end')
    .option('--api-listen <host:port>', 'address of the API (default 127.0.0.1:3000)')
    .option('--ops-listen <host:port>', 'address of /healthz, /readyz and /metrics (default 127.0.0.1:9464)')
    .addOption(
      new Option('--collector <kind>', 'how to watch (default auto)').choices(['auto', 'ebpf', 'procfs']),
    )
    .option('--proc-root <dir>', "where the host's /proc is (default /proc)")
    .option('-q, --quiet', 'print no events')
    .addHelpText(
      'after',
      '\nEvery setting is a key of the YAML file (--config) and an environment variable COGNITOD_…: docs/configuration.md.' +
        '\n\nExamples:\n  sudo ./cognitod agent\n  sudo ./cognitod agent --config /etc/cognitod.yaml --quiet\n  ./cognitod agent --check-config --config my.yaml',
    )
    .action(async (options, command: Command) => {
      const globals = command.optsWithGlobals() as ParsedGlobals;
      const set: [string, unknown][] = [
        ['api.listen', options.apiListen],
        ['ops.listen', options.opsListen],
        ['collector', options.collector],
        ['proc_root', options.procRoot],
        ['events.print', options.quiet === true ? false : undefined],
      ];
      result.code = await deps.runAgent({
        configFile: globals.config ?? deps.env.COGNITOD_CONFIG,
        checkConfig: options.checkConfig === true,
        json: globals.json === true,
        color: wantsColor(globals, deps.stdout),
        overrides: Object.fromEntries(set.filter(([, value]) => value !== undefined)),
        env: deps.env,
        stdout: deps.stdout,
        stderr: deps.stderr,
      });
    });

  filters(add(program, deps, 'stream', 'print events as they happen'))
    .option('--type <types>', 'only these: fork,exec,exit')
    .option(
      '--ready-fd <n>',
      'write «ready» to this descriptor once connected: nothing is missed from then on',
      number,
    )
    .option('--count <n>', 'end after so many events', number)
    .option('--retry', 'when the agent goes away wait for it to come back')
    .addHelpText(
      'after',
      '\nWith --json each line is one event (docs/events.md), or {"type":"gap","lost":N} where this client was too slow.' +
        '\nWithout --ready-fd the first line on standard error says when the stream is connected.' +
        '\n\nExamples:\n  cognitod stream --type exec\n  cognitod stream --json --pod 8a1e --type exec,exit | jq -r .executable',
    )
    .action((options, command: Command) =>
      withContext(command, async (context) => {
        const { stream } = await import('./commands/stream.ts');
        return stream(context, { ...options, filters: { ...filterQuery(options), type: options.type } });
      }),
    );

  filters(add(program, deps, 'ps', 'list processes'))
    .addOption(
      new Option('--state <state>', 'which').choices(['running', 'exited', 'all']).default('running'),
    )
    .option('--limit <n>', 'at most so many', number)
    .addHelpText(
      'after',
      '\nExamples:\n  cognitod ps --uid 0 --comm sh\n  cognitod ps --state exited --container 4f2a --json',
    )
    .action((options, command: Command) =>
      withContext(command, async (context) => {
        const { ps } = await import('./commands/processes.ts');
        return ps(context, { ...filterQuery(options), state: options.state }, options.limit);
      }),
    );

  add(program, deps, 'tree', 'who started whom, of the node or of one process')
    .argument('[process]', 'pid or process id')
    .addHelpText('after', '\nExamples:\n  cognitod tree\n  cognitod tree 4211')
    .action((id: string | undefined, _options, command: Command) =>
      withContext(command, async (context) => (await import('./commands/processes.ts')).tree(context, id)),
    );

  add(program, deps, 'show', 'everything about one process: images, identity, who started it')
    .argument('<process>', 'pid of a running process, or process id of any that is still known')
    .addHelpText('after', '\nExamples:\n  cognitod show 1\n  cognitod show b0075e1f-3aw-kf3m2t1')
    .action((id: string, _options, command: Command) =>
      withContext(command, async (context) => (await import('./commands/processes.ts')).show(context, id)),
    );

  add(program, deps, 'status', 'whether the agent sees everything: ledger, collector, memory')
    .addHelpText(
      'after',
      '\nEnds with 0 when the whole node is seen, 3 when not.\n\nExample:\n  cognitod status --json | jq .ledger',
    )
    .action((_options, command: Command) =>
      withContext(command, async (context) => (await import('./commands/status.ts')).status(context)),
    );

  add(program, deps, 'cgroup', 'what the names in a cgroup path say (needs no agent)')
    .argument('[pid-or-path...]', 'pids, or cgroup paths; standard input when none is given')
    .addHelpText(
      'after',
      '\nWith --json and no arguments: lines {"input": "<content of a /proc/PID/cgroup>"} in, one line with container_id,' +
        '\npod_uid, runtime, qos, tags and unit out for each.' +
        '\n\nExamples:\n  cognitod cgroup 4211\n  cognitod cgroup < /proc/self/cgroup\n  echo \'{"input":"0::/user.slice"}\' | cognitod cgroup --json',
    )
    .action(async (inputs: string[], _options, command: Command) => {
      const { cgroup } = await import('./commands/cgroup.ts');
      result.code = await cgroup(deps, (command.optsWithGlobals() as ParsedGlobals).json === true, inputs);
    });

  add(program, deps, 'version', 'print the version').action((_options, command: Command) => {
    const document = {
      version: deps.version,
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
    };
    const { json } = command.optsWithGlobals() as ParsedGlobals;
    deps.stdout.write(
      json ? `${JSON.stringify(document)}\n` : `cognitod ${deps.version} (Node ${process.version})\n`,
    );
  });

  add(program, deps, 'help', 'help of a command')
    .argument('[command]')
    .action((name: string | undefined, _options, command: Command) => {
      const about =
        name === undefined ? program : program.commands.find((candidate) => candidate.name() === name);
      if (about === undefined)
        throw new CognitodError('USAGE', `there is no command «${name}»`, {
          hint: 'cognitod help lists them',
        });
      const { json } = command.optsWithGlobals() as ParsedGlobals;
      deps.stdout.write(json ? `${JSON.stringify(describe(about))}\n` : about.helpInformation());
    });
  return program;
}

/** Options that stand before or after the name of the command. */
function configure(command: Command, deps: CliDeps): Command {
  return command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void deps.stdout.write(text),
      writeErr: (text) => void deps.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'cognitod: ')),
    })
    .helpCommand(false)
    .showSuggestionAfterError()
    .option('--json', 'JSON: one document, or one line per record')
    .option('--config <file>', 'configuration file (COGNITOD_CONFIG)')
    .option('--api <url>', `address of the agent (COGNITOD_API; default ${DEFAULT_API})`)
    .option('--token-file <file>', 'file with the token of the agent (or the token itself in COGNITOD_TOKEN)')
    .addOption(
      new Option('--color <when>', 'colours; NO_COLOR is honoured').choices(['auto', 'always', 'never']),
    );
}

function add(program: Command, deps: CliDeps, name: string, description: string): Command {
  return configure(program.command(name), deps).description(description);
}

function filters(command: Command): Command {
  return command
    .option('--pod <uid>', 'only this pod (uid or its beginning)')
    .option('--container <id>', 'only this container (id or its beginning)')
    .option('--uid <n>', 'only this user', number)
    .option('--comm <name>', 'only this command name')
    .option('--pid <n>', 'only this pid', number);
}

function filterQuery(options: Record<string, string | number | undefined>): Query {
  const { pod, container, uid, comm, pid } = options;
  return { pod, container, uid, comm, pid };
}

function number(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** https://no-color.org and https://force-color.org */
function useColor(mode: ColorMode, output: Output, env: NodeJS.ProcessEnv): boolean {
  if (mode !== 'auto') return mode === 'always';
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return output.isTTY === true && env.TERM !== 'dumb';
}

function describe(command: Command): unknown {
  return {
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      required: argument.required,
      description: argument.description,
    })),
    options: command.options.map((option) => ({ flags: option.flags, description: option.description })),
    ...(command.commands.length === 0 ? {} : { commands: command.commands.map(describe) }),
  };
}
