// The webhook as a whole: certificate, namespaces, version of the cluster, listeners.
import { readFileSync } from 'node:fs';
import { chosenTarget, KUBE_TIMES, KubeClient, type KubeTarget } from '../identity/kube/index.ts';
import { type Closable, closeAll, CognitodError, type Config, type Log } from '../lib/index.ts';
import { createOpsServer } from '../http/index.ts';
import { createAdmissionMetrics } from './admission-metrics.ts';
import {
  CertificateSecret,
  type CertificateSource,
  MountedCertificate,
  SelfMadeCertificate,
  type SelfMadeTimes,
  WebhookConfiguration,
} from './certificates/index.ts';
import { findNativeSidecars, type NativeChoice } from './cluster-version.ts';
import { KubeletVersions } from './kubelet-versions.ts';
import { NamespaceWatch } from './namespace-watch.ts';
import { review } from './reviewer.ts';
import { createWebhookServer } from './webhook-server.ts';

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
const DEFAULT_NAMESPACE = 'linnix-observability';
/** A first answer of the API comes sooner, or it is gone on without. */
const FIRST_ANSWERS_MS = 5_000;

export interface AdmissionOptions {
  readonly config: Config;
  readonly log: Log;
  /** By default as the configuration says; null is without the API. */
  readonly target?: KubeTarget | null;
  readonly certificateTimes?: Partial<SelfMadeTimes>;
}

export interface Admission extends Closable {
  readonly webhookAddress: string;
  readonly opsAddress: string;
  /** Why it does less than it could, in words. */
  reasons(): string[];
}

/** @throws CognitodError LISTEN_FAILED, CONFIG_INVALID */
export async function startAdmission(options: AdmissionOptions): Promise<Admission> {
  const { config, log } = options;
  const settings = config.admission;
  const target = options.target === undefined ? chosenTarget(config.kubernetes) : options.target;
  const client = target === null ? null : new KubeClient(target, KUBE_TIMES, () => {});
  const namespace = settings.namespace ?? ownNamespace();
  const certificate = certificateSource(options, client, namespace);
  const namespaces = target === null ? null : new NamespaceWatch({ target, warn: log.warn });
  const kubelets =
    target === null || settings.native !== 'auto' ? null : new KubeletVersions({ target, warn: log.warn });
  const choice: NativeChoice = {
    native: settings.native === 'on',
    known: settings.native !== 'auto',
    version: null,
  };
  // A kubelet may be older than the API server, and would run such an init container to an end that never comes.
  const isNative = () => choice.native && (kubelets?.obstacle ?? null) === null;
  const excludedNamespaces = new Set([...settings.excluded_namespaces, namespace]);
  let notAfterMs: number | null = null;
  const noApi = 'the Kubernetes API is not used (kubernetes.api)';

  const metrics = createAdmissionMetrics(() => ({
    certificateNotAfterSeconds: notAfterMs === null ? null : notAfterMs / 1000,
    namespaces: namespaces?.size ?? 0,
    namespacesFollowed: namespaces !== null && namespaces.reason === null,
    native: isNative(),
  }));
  const reasons = () =>
    [
      notAfterMs === null ? 'there is no certificate yet' : null,
      notAfterMs !== null && notAfterMs < Date.now() ? 'the certificate is over' : null,
      certificate.reason,
      choice.known ? null : 'the version of the cluster is unknown: sidecars are plain containers',
      choice.known && choice.native && !isNative()
        ? `sidecars are plain containers: ${kubelets?.obstacle}`
        : null,
      namespaces === null ? `annotations of namespaces do not count: ${noApi}` : namespaces.reason,
    ].filter((reason) => reason !== null);
  const webhook = createWebhookServer({
    listen: settings.listen,
    metrics,
    log,
    review: (request) =>
      review(request, {
        rules: () => ({
          excludedNamespaces,
          native: isNative(),
          ptrace: settings.ptrace,
          podSecurityDefault: settings.pod_security_default,
        }),
        settings: {
          image: settings.image,
          pullPolicy: settings.image_pull_policy,
          requests: { cpu: settings.cpu_request, memory: settings.memory_request },
          limits: { cpu: settings.cpu_limit, memory: settings.memory_limit },
          apiPort: settings.api_port,
          opsPort: settings.ops_port,
        },
        lookUp: (name) => namespaces?.lookUp(name) ?? { known: false, reason: noApi },
      }),
  });
  // Ready with a certificate: without the rest it goes on with what is known, and says so.
  const readiness = () => ({
    ready: notAfterMs !== null && notAfterMs >= Date.now(),
    reasons: reasons(),
  });
  const ops = createOpsServer({ listen: config.ops.listen, view: { readiness }, metrics, log });
  const feeds = [namespaces, kubelets].filter((feed) => feed !== null);
  const parts: Closable[] = [ops, webhook, certificate, ...feeds];
  let finding: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      client?.close();
      await closeAll([...parts, async () => finding], 'closing the webhook failed');
    })();
    return closing;
  };
  try {
    const { url: opsAddress } = await ops.listen();
    for (const feed of feeds) feed.start();
    if (!choice.known && client !== null) finding = findNativeSidecars(client, choice, log.warn);
    // Reviews that come before the answers would get less than they could.
    const isAnswered = () =>
      choice.known && namespaces?.reason === null && (kubelets === null || kubelets.known);
    if (client !== null) await soon(isAnswered, FIRST_ANSWERS_MS);
    const { url: webhookAddress } = await webhook.listen();
    certificate.start({
      serve: (pair) => {
        webhook.serve(pair);
        notAfterMs = pair.notAfterMs;
      },
      info: log.info,
      warn: log.warn,
    });
    return { webhookAddress, opsAddress, reasons, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the start would refuse wherever it is made: `auto` means nothing outside of the cluster. @throws CognitodError CONFIG_INVALID */
export function checkAdmission({ admission, kubernetes }: Config): void {
  if (admission.tls_dir === null && kubernetes.api === 'off') throw noCertificate();
}

function noCertificate(): CognitodError {
  return new CognitodError('CONFIG_INVALID', 'without the Kubernetes API there is no certificate', {
    hint: 'set admission.tls_dir (--tls-dir), or kubernetes.api to in-cluster or a kubeconfig file',
  });
}

function certificateSource(
  { config, certificateTimes }: AdmissionOptions,
  client: KubeClient | null,
  namespace: string,
): CertificateSource {
  const { tls_dir: directory, service, secret, webhook } = config.admission;
  if (directory !== null) return new MountedCertificate(directory);
  if (client === null) throw noCertificate();
  return new SelfMadeCertificate({
    secret: new CertificateSecret(client, namespace, secret),
    configuration: new WebhookConfiguration(client, webhook),
    names: [
      `${service}.${namespace}.svc`,
      `${service}.${namespace}`,
      `${service}.${namespace}.svc.cluster.local`,
    ],
    ...(certificateTimes === undefined ? {} : { times: certificateTimes }),
  });
}

function ownNamespace(): string {
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim() || DEFAULT_NAMESPACE;
  } catch {
    return DEFAULT_NAMESPACE;
  }
}

async function soon(holds: () => boolean, ms: number): Promise<void> {
  for (const end = performance.now() + ms; !holds() && performance.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 20));
}
