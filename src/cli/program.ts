// The commands, their options and their help. What they do is loaded when one of them runs.
import { Argument, Command, Option } from 'commander';
import { CognitodError } from '../lib/errors.ts';
import { type ColorMode, useColor } from './color.ts';
import { addCommonOptions, ago, filters, filtersFor, MAX_U32, number } from './common-options.ts';
import { SHELLS, type Shell, scriptOf } from './completion/index.ts';
import { type Context, makeContext } from './context.ts';
import type { CliDeps } from './deps.ts';
import { configureHelp, type HelpNotes, withNotes } from './help.ts';
import { clientSettings, DEFAULT_API, type GlobalOptions } from './settings.ts';
import type { Writer } from './writer.ts';

/** One run of a command line. */
export interface CliRun {
  readonly output: Writer;
  /** For programs, not for people. */
  readonly json: boolean;
  /** Of these as YAML where a command can. */
  readonly yaml: boolean;
  /** Set by the command that ran. */
  code: number;
}

interface ParsedGlobals extends GlobalOptions {
  readonly color?: ColorMode;
}

const WHERE = 'namespace/pod, the beginning of a pod or container id, or kind/name of a workload';
const WHAT = `pid, process id, ${WHERE}`;

/** Commands set `run.code` or throw: a CognitodError, a CommanderError, or what a Writer throws. */
export function buildProgram(deps: CliDeps, run: CliRun): Command {
  const program = new Command('cognitod');
  configureHelp(program, run.json);
  configure(program, deps, run)
    .description(
      'Sees every process on a Linux node, says which pod it belongs to, and loses none without a count.',
    )
    .version(versionText(deps, run.json), '-V, --version', 'print the version');
  withNotes(program, {
    notes: ['Start the agent with `cognitod agent` (as root), then look with the other commands.'],
    examples: [
      'sudo ./cognitod agent',
      'cognitod status',
      'cognitod stream --type exec',
      'cognitod help stream',
    ],
  });
  const add = (name: string, description: string, notes: HelpNotes) =>
    withNotes(program.command(name).description(description), notes);
  addAgent(add, deps, run);
  addClients(add, deps, run);
  addCgroup(add, deps, run);
  addAdmission(add, deps, run);
  add('completion', 'print the script that completes command lines in a shell', {
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
  })
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
    .action((shell: Shell) => {
      const script = scriptOf(shell);
      return run.output.write(
        run.json ? `${JSON.stringify({ schema_version: 1, shell, script })}\n` : script,
      );
    });
  add('version', 'print the version', { examples: ['cognitod version --json'] }).action(() =>
    run.output.write(`${versionText(deps, run.json)}\n`),
  );
  add('help', 'help of a command', {
    examples: ['cognitod help stream', 'cognitod help --json | jq .commands[].name'],
  })
    .argument('[command]', 'name of a command')
    .action((name: string | undefined) => {
      const about =
        name === undefined ? program : program.commands.find((command) => command.name() === name);
      if (about === undefined)
        throw new CognitodError('USAGE', `there is no command «${name}»`, {
          hint: 'cognitod help lists them',
        });
      about.outputHelp();
    });
  for (const command of [program, ...program.commands]) addCommonOptions(command);
  return program;
}

type Add = (name: string, description: string, notes: HelpNotes) => Command;

function addAgent(add: Add, deps: CliDeps, run: CliRun): void {
  add('agent', 'run the agent in the foreground, until Ctrl-C', {
    notes: [
      'Every setting is a key of the YAML file (--config) and an environment variable COGNITOD_…:',
      'docs/configuration.md. A flag goes before the environment, and that before the file.',
    ],
    examples: [
      'sudo ./cognitod agent',
      'sudo ./cognitod agent --config /etc/cognitod.yaml --quiet',
      './cognitod agent --check-config --config my.yaml',
    ],
  })
    .option('--check-config', 'check the configuration and end')
    .option('--api-listen <host:port>', 'address of the API (default 127.0.0.1:3000)')
    .option('--ops-listen <host:port>', 'address of /healthz, /readyz and /metrics (default 127.0.0.1:9464)')
    .addOption(
      new Option('--collector <kind>', 'how to watch (default auto)').choices(['auto', 'ebpf', 'procfs']),
    )
    .option('--proc-root <dir>', "where the host's /proc is (default /proc)")
    .option('-q, --quiet', 'print no events')
    .action(async (options, command: Command) => {
      const globals = command.optsWithGlobals() as ParsedGlobals;
      const set: [string, unknown][] = [
        ['api.listen', options.apiListen],
        ['ops.listen', options.opsListen],
        ['collector', options.collector],
        ['proc_root', options.procRoot],
        ['events.print', options.quiet === true ? false : undefined],
      ];
      run.code = await deps.runAgent({
        configFile: globals.config ?? (deps.env.COGNITOD_CONFIG || undefined),
        checkConfig: options.checkConfig === true,
        json: run.json,
        color: useColor(globals.color ?? 'auto', deps.stdout, deps.env),
        overrides: Object.fromEntries(set.filter(([, value]) => value !== undefined)),
        env: deps.env,
        stdout: deps.stdout,
        stderr: deps.stderr,
      });
    });
}

/** The commands that ask the agent. */
function addClients(add: Add, deps: CliDeps, run: CliRun): void {
  const withContext = async (
    command: Command,
    use: (context: Context) => Promise<unknown>,
    asksAgent = true,
  ) => {
    const options = command.optsWithGlobals() as ParsedGlobals;
    // Before the installation there is no token yet, wherever it will be.
    const settings = asksAgent
      ? await clientSettings(options, deps.env)
      : { api: new URL(DEFAULT_API), token: null };
    const color = useColor(options.color ?? 'auto', deps.stdout, deps.env);
    const yaml = run.yaml ? (await import('./yaml-text.ts')).yamlOf : null;
    const code = await use(makeContext(deps, run.output, { json: run.json, yaml }, color, settings));
    if (typeof code === 'number') run.code = code;
  };

  filters(
    add('stream', 'print events as they happen', {
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
    })
      .argument('[where]', WHERE)
      .option('--type <types>', 'only these: fork,exec,exit'),
  )
    .option(
      '--ready-fd <n>',
      'write «ready» to this descriptor once connected, and close it',
      number(0, MAX_U32),
    )
    .option('--count <n>', 'end after so many events', number(1, Number.MAX_SAFE_INTEGER))
    .option(
      '--since <time>',
      'begin with the events since then, as far as they are kept; or how long ago: 15m',
      ago,
    )
    .option('--retry', 'wait for the agent, however long it is away')
    .option('--no-reconnect', 'end when the connection breaks')
    .action((where: string | undefined, options, command: Command) =>
      withContext(command, async (context) => {
        const { stream } = await import('./commands/stream.ts');
        const filters = await filtersFor(context, where, options);
        return stream(context, {
          ...options,
          filters: { ...filters, type: options.type, since: options.since },
        });
      }),
    );

  filters(
    add('ps', 'list processes', {
      examples: [
        'cognitod ps',
        'cognitod ps --uid 0 --comm sh',
        'cognitod ps payments/api-7f9',
        'cognitod ps --state exited --container 4f2a --json',
      ],
    }).argument('[where]', WHERE),
  )
    .addOption(
      new Option('--state <state>', 'which').choices(['running', 'exited', 'all']).default('running'),
    )
    .option('--since <time>', 'only who ran since then, or since so long ago: 15m', ago)
    .option('--until <time>', 'only who had started by then', ago)
    .option('--limit <n>', 'at most so many (default: all)', number(1, Number.MAX_SAFE_INTEGER))
    .action((where: string | undefined, options, command: Command) =>
      withContext(command, async (context) => {
        const { ps } = await import('./commands/processes.ts');
        const filters = await filtersFor(context, where, options);
        const { state, since, until } = options;
        return ps(context, { ...filters, state, since, until }, options.limit);
      }),
    );

  add('tree', 'who started whom, of the node, of a pod or of one process', {
    examples: ['cognitod tree', 'cognitod tree payments/api-7f9', 'cognitod tree 4211'],
  })
    .argument('[what]', WHAT)
    .action((id: string | undefined, _options, command: Command) =>
      withContext(command, async (context) => (await import('./commands/processes.ts')).tree(context, id)),
    );

  add('show', 'everything about one process, or about a pod and its processes', {
    notes: ['A pid is that of the running process, or else of the one that exited last with it.'],
    examples: [
      'cognitod show 1',
      'cognitod show deployment/api',
      'cognitod show b0075e1f-3aw-kf3m2t1 --json',
    ],
  })
    .argument('<what>', WHAT)
    .action((id: string, _options, command: Command) =>
      withContext(command, async (context) => (await import('./commands/processes.ts')).show(context, id)),
    );

  filters(
    add('top', 'pods and processes by activity, live', {
      notes: [
        'In the terminal: ? lists the keys, q quits. The second line tells whether anything was lost.',
        '--once prints one look and ends: for scripts, and where there is no terminal.',
      ],
      examples: [
        'cognitod top',
        'cognitod top --view processes payments/api-7f9',
        'cognitod top --once --json',
      ],
    }).argument('[where]', WHERE),
  )
    .addOption(
      new Option('--view <view>', 'what to show first').choices(['pods', 'processes']).default('pods'),
    )
    .option('--interval <seconds>', 'between two looks', number(1, 3600), 2)
    .option('--once', 'print one look and end')
    .action((where: string | undefined, options, command: Command) =>
      withContext(command, async (context) => {
        const { interval: intervalSeconds, once } = options;
        const filters = await filtersFor(context, where, options);
        const view = where === undefined ? options.view : 'processes';
        if (once === true || run.json) {
          const { topOnce } = await import('./top/once.ts');
          return topOnce(context, { view, intervalSeconds, filters });
        }
        const { top } = await import('./top/top.ts');
        return top(context, { view, intervalSeconds, filters });
      }),
    );

  add('status', 'whether the agent sees everything: ledger, collector, memory', {
    notes: ['Ends with 0 when the whole node is seen, with 3 when not.'],
    examples: ['cognitod status', 'cognitod status --json | jq .ledger'],
  }).action((_options, command: Command) =>
    withContext(command, async (context) => (await import('./commands/status.ts')).status(context)),
  );

  add('doctor', 'check the agent and the node: what is wrong, and what to do', {
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
  })
    .option('--before-install', 'without an agent: could one run here?')
    .option('--manifest', 'write the smallest manifest that works on this node')
    .action((options, command: Command) =>
      withContext(
        command,
        async (context) => {
          const globals = command.optsWithGlobals() as ParsedGlobals;
          const { doctor } = await import('./commands/doctor.ts');
          return doctor(context, {
            configFile: globals.config ?? (deps.env.COGNITOD_CONFIG || undefined),
            beforeInstall: options.beforeInstall === true,
            manifest: options.manifest === true,
          });
        },
        options.beforeInstall !== true && options.manifest !== true,
      ),
    );

  add('evidence', 'a report for auditors, from the running agent; or check records that were kept', {
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
  })
    .argument('[action]', 'verify, or key')
    .argument('[file]', 'what to verify')
    .option('--from <day>', 'first day (UTC), like 2026-11-23')
    .option('--to <day>', 'last day')
    .option('--days <number>', 'the last days, today included, instead of --from and --to')
    .option('--html', 'a page instead of Markdown')
    .option('--markdown', 'Markdown, as without it')
    .option('--head <hash>', 'verify: the hash that the last record must have')
    .option('--public-key <file...>', 'verify: every record must be signed by it')
    .option(
      '--anchor <file...>',
      "verify: lines of the agent's log, kept elsewhere: these records must be there",
    )
    .action(async (action: string | undefined, file: string | undefined, options, command: Command) => {
      if (action === undefined) {
        await withContext(command, async (context) => {
          const { evidence } = await import('./commands/evidence.ts');
          const { from, to, days, html, markdown } = options;
          if (html && markdown) throw new CognitodError('USAGE', 'give --html or --markdown, not both');
          const range = days === undefined ? { from, to } : lastDays(days, from ?? to);
          return evidence(context, { ...range, html: html === true });
        });
      } else if (action === 'verify' && file !== undefined) {
        const { verify } = await import('./commands/evidence.ts');
        run.code = await verify(run.output, run.json, file, options);
      } else if (action === 'key' && file === undefined) {
        await withContext(command, async (context) => {
          const { key } = await import('./commands/evidence.ts');
          return key(context);
        });
      } else
        throw new CognitodError('USAGE', 'evidence takes nothing, `key`, or `verify` and a file', {
          hint: 'cognitod help evidence',
        });
    });
}

/** `days` as given; `other` is a bound that was given too. */
function lastDays(days: string, other: string | undefined): { from: string; to: undefined } {
  if (other !== undefined) throw new CognitodError('USAGE', 'give --days, or --from and --to');
  if (!/^[1-9]\d{0,3}$/.test(days))
    throw new CognitodError('USAGE', `--days must be a number from 1 to 9999, not ${JSON.stringify(days)}`);
  const first = new Date(Date.now() - (Number(days) - 1) * 86_400_000);
  return { from: first.toISOString().slice(0, 10), to: undefined };
}

function addCgroup(add: Add, deps: CliDeps, run: CliRun): void {
  add('cgroup', 'what the names in a cgroup path say (needs no agent)', {
    notes: [
      'With --json and no arguments: lines {"input": "<content of a /proc/PID/cgroup>"} in (up to 1 MiB each), and for',
      'each a line with container_id, pod_uid, runtime, qos, tags and unit out, or {"error": "…"} and in the end exit',
      'code 1.',
    ],
    examples: [
      'cognitod cgroup 4211',
      'cognitod cgroup < /proc/self/cgroup',
      `echo '{"input":"0::/user.slice"}' | cognitod cgroup --json`,
    ],
  })
    .argument('[pid-or-path...]', 'pids, files, or cgroup paths; standard input when none is given')
    .action(async (inputs: string[]) => {
      const { cgroup } = await import('./commands/cgroup.ts');
      run.code = await cgroup(deps, run.output, run.json, inputs);
    });
}

function addAdmission(add: Add, deps: CliDeps, run: CliRun): void {
  add('admission', 'run the webhook that adds the sidecar to pods that ask for it (in a cluster)', {
    notes: [
      'A pod, or its namespace, asks with the annotation sidecar.linnix.io/inject: "true"; docs/sidecar.md.',
      'Every flag is also a key `admission.…` of the configuration and an environment variable COGNITOD_ADMISSION_….',
    ],
    examples: [
      'cognitod admission --image registry.example/cognitod:sidecar',
      'cognitod admission --tls-dir /etc/cognitod/tls --native on',
    ],
  })
    .option('--check-config', 'check the configuration and end')
    .option('--listen <host:port>', 'address of the webhook (default 0.0.0.0:8443)')
    .option('--ops-listen <host:port>', 'address of /healthz, /readyz and /metrics (default 127.0.0.1:9464)')
    .option('--image <name>', 'the image that is injected')
    .addOption(
      new Option(
        '--native <when>',
        'restartable init container (default auto: from Kubernetes 1.29)',
      ).choices(['auto', 'on', 'off']),
    )
    .option(
      '--tls-dir <dir>',
      'tls.crt and tls.key of cert-manager; without it they are made and renewed here',
    )
    .option('--namespace <name>', 'namespace of the webhook')
    .option('--service <name>', 'Service of the webhook (default cognitod-admission)')
    .option('--secret <name>', 'Secret for the certificate (default cognitod-admission-tls)')
    .option('--webhook <name>', 'MutatingWebhookConfiguration (default cognitod-admission)')
    .option(
      '--exclude-namespaces <names>',
      'never injected (default kube-system,kube-public,kube-node-lease)',
    )
    .action(async (options, command: Command) => {
      const globals = command.optsWithGlobals() as ParsedGlobals;
      const set: [string, unknown][] = [
        ['admission.listen', options.listen],
        ['ops.listen', options.opsListen],
        ['admission.image', options.image],
        ['admission.native', options.native],
        ['admission.tls_dir', options.tlsDir],
        ['admission.namespace', options.namespace],
        ['admission.service', options.service],
        ['admission.secret', options.secret],
        ['admission.webhook', options.webhook],
        ['admission.excluded_namespaces', options.excludeNamespaces],
      ];
      run.code = await deps.runAdmission({
        configFile: globals.config ?? (deps.env.COGNITOD_CONFIG || undefined),
        checkConfig: options.checkConfig === true,
        json: run.json,
        overrides: Object.fromEntries(set.filter(([, value]) => value !== undefined)),
        env: deps.env,
        stdout: deps.stdout,
        stderr: deps.stderr,
      });
    });
}

/** What all commands inherit. */
function configure(program: Command, deps: CliDeps, run: CliRun): Command {
  return program
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void deps.stdout.write(text),
      writeErr: (text) => void (run.json || deps.stderr.write(text)),
      // Reported with all other errors, see runCli.
      outputError: () => {},
    })
    .helpCommand(false)
    .showSuggestionAfterError();
}

function versionText(deps: CliDeps, json: boolean): string {
  if (!json) return `cognitod ${deps.version} (Node ${process.version})`;
  const platform = `${process.platform}-${process.arch}`;
  return JSON.stringify({ schema_version: 1, version: deps.version, node: process.version, platform });
}
