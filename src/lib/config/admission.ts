// The webhook of `cognitod admission`.
import { z } from 'zod';
import { choice, flag, integer, list, listen, objectName, optional, path, quantity } from './values.ts';

export const admission = z.strictObject({
  listen: listen.prefault('0.0.0.0:8443').describe('address of the webhook of `cognitod admission`'),
  image: z
    .string('must be an image')
    .min(1, 'must be an image')
    .max(1024)
    .default('ghcr.io/linnix-os/cognitod:sidecar')
    .describe('the image that is injected'),
  image_pull_policy: choice('IfNotPresent', 'Always', 'Never')
    .default('IfNotPresent')
    .describe('when nodes pull it'),
  native: choice('auto', 'on', 'off')
    .default('auto')
    .describe(
      'whether the sidecar is a restartable init container; `auto`: where the API server and every kubelet are 1.29 or newer',
    ),
  ptrace: flag
    .default(true)
    .describe('whether the sidecar is given `SYS_PTRACE` where the namespace and the pod allow it'),
  pod_security_default: choice('privileged', 'baseline', 'restricted')
    .default('privileged')
    .describe(
      'Pod Security level that the API server enforces in namespaces without a label of their own; other than `privileged`: no `SYS_PTRACE` there',
    ),
  cpu_request: quantity.default('20m').describe('what the sidecar requests'),
  cpu_limit: quantity.default('200m').describe('most CPU that it may use'),
  memory_request: quantity.default('96Mi').describe('what it requests'),
  memory_limit: quantity.default('192Mi').describe('most memory that it may use'),
  api_port: integer(0, 65_535)
    .default(19_463)
    .describe('loopback port of its API in the network of the pod; 0 lets the kernel choose'),
  ops_port: integer(0, 65_535).default(19_464).describe('loopback port of its operations listener'),
  namespace: optional(objectName)
    .default(null)
    .describe('namespace of the webhook, never injected; by default that of its service account'),
  excluded_namespaces: list(objectName)
    .default(['kube-system', 'kube-public', 'kube-node-lease'])
    .describe('further namespaces that are never injected'),
  tls_dir: optional(path)
    .default(null)
    .describe('directory with `tls.crt` and `tls.key` of cert-manager; without it they are made here'),
  service: objectName.default('cognitod-admission').describe('Service that the certificate is for'),
  secret: objectName
    .default('cognitod-admission-tls')
    .describe('Secret in which replicas share the certificate that they make'),
  webhook: objectName
    .default('cognitod-admission')
    .describe('MutatingWebhookConfiguration that is given the authority of the certificate'),
});
