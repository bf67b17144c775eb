import { Option } from 'commander';
import { option } from '../option.ts';
import { type CommandDefinition, overridesOf } from './definition.ts';

export const admissionCommand: CommandDefinition = {
  name: 'admission',
  description: 'run the webhook that adds the sidecar to pods that ask for it (in a cluster)',
  help: {
    notes: [
      'A pod, or its namespace, asks with the annotation sidecar.linnix.io/inject: "true"; docs/sidecar.md.',
      'Every flag is also a key `admission.…` of the configuration and an environment variable COGNITOD_ADMISSION_….',
    ],
    examples: [
      'cognitod admission --image registry.example/cognitod:sidecar',
      'cognitod admission --tls-dir /etc/cognitod/tls --native on',
    ],
  },
  define: (command, invocation) =>
    command
      .option('--check-config', 'check the configuration and end')
      .addOption(option('--listen <host:port>', 'address of the webhook (default 0.0.0.0:8443)'))
      .addOption(
        option(
          '--ops-listen <host:port>',
          'address of /healthz, /readyz and /metrics (default 127.0.0.1:9464)',
        ),
      )
      .addOption(option('--image <name>', 'the image that is injected'))
      .addOption(
        new Option(
          '--native <when>',
          'restartable init container (default auto: from Kubernetes 1.29)',
        ).choices(['auto', 'on', 'off']),
      )
      .addOption(
        option(
          '--tls-dir <dir>',
          'tls.crt and tls.key of cert-manager; without it they are made and renewed here',
          'files',
        ),
      )
      .addOption(option('--namespace <name>', 'namespace of the webhook', 'namespaces'))
      .addOption(option('--service <name>', 'Service of the webhook (default cognitod-admission)'))
      .addOption(option('--secret <name>', 'Secret for the certificate (default cognitod-admission-tls)'))
      .addOption(option('--webhook <name>', 'MutatingWebhookConfiguration (default cognitod-admission)'))
      .addOption(
        option(
          '--exclude-namespaces <names>',
          'never injected (default kube-system,kube-public,kube-node-lease)',
        ),
      )
      .action(async (options) => {
        const { deps, run } = invocation;
        run.code = await deps.runAdmission({
          configFile: invocation.configFile(command),
          checkConfig: options.checkConfig === true,
          json: run.json,
          overrides: overridesOf([
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
          ]),
          env: deps.env,
          stdout: deps.stdout,
          stderr: deps.stderr,
        });
      }),
};
