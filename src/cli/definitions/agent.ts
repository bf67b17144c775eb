import { Option } from 'commander';
import { option } from '../option.ts';
import { type CommandDefinition, overridesOf } from './definition.ts';

export const agentCommand: CommandDefinition = {
  name: 'agent',
  description: 'run the agent in the foreground, until Ctrl-C',
  help: {
    notes: [
      'Every setting is a key of the YAML file (--config) and an environment variable COGNITOD_…:',
      'docs/configuration.md. A flag goes before the environment, and that before the file.',
    ],
    examples: [
      'sudo ./cognitod agent',
      'sudo ./cognitod agent --config /etc/cognitod.yaml --quiet',
      './cognitod agent --check-config --config my.yaml',
    ],
  },
  define: (command, invocation) =>
    command
      .option('--check-config', 'check the configuration and end')
      .addOption(option('--api-listen <host:port>', 'address of the API (default 127.0.0.1:3000)'))
      .addOption(
        option(
          '--ops-listen <host:port>',
          'address of /healthz, /readyz and /metrics (default 127.0.0.1:9464)',
        ),
      )
      .addOption(
        new Option('--collector <kind>', 'how to watch (default auto)').choices(['auto', 'ebpf', 'procfs']),
      )
      .addOption(option('--proc-root <dir>', "where the host's /proc is (default /proc)", 'files'))
      .option('-q, --quiet', 'print no events')
      .action(async (options) => {
        const { deps, run } = invocation;
        run.code = await deps.runAgent({
          configFile: invocation.configFile(command),
          checkConfig: options.checkConfig === true,
          json: run.json,
          color: invocation.usesColor(command),
          overrides: overridesOf([
            ['api.listen', options.apiListen],
            ['ops.listen', options.opsListen],
            ['collector', options.collector],
            ['proc_root', options.procRoot],
            ['events.print', options.quiet === true ? false : undefined],
          ]),
          env: deps.env,
          stdout: deps.stdout,
          stderr: deps.stderr,
        });
      }),
};
