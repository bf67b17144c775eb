// How to reach the Kubernetes API and who to be there: from inside a pod, or by a kubeconfig file.
import { join } from 'node:path';
import { formatListen } from '../../lib/listen.ts';
import { FreshFile } from './fresh-file.ts';
import { KubeFailure } from './kube-failure.ts';

/** What a TLS connection is made with. All PEM. */
export interface TlsMaterial {
  /** Null: the authorities that Node ships. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name to expect in the server's certificate, where it is not the host of the address. */
  readonly serverName: string | null;
  /** False accepts any server. */
  readonly verify: boolean;
}

/** Everything for one request, as it is now. */
export interface KubeAccess {
  /** Its path is put before every path of a request. */
  readonly url: URL;
  readonly token: string | null;
  readonly tls: TlsMaterial;
}

/** Where the API is. Files behind it are read again at least every minute, so that rotation needs no restart. */
export interface KubeTarget {
  /** For a person, without credentials: the address, or what is known before it. */
  readonly endpoint: string;
  /** Rejects with a KubeFailure that says what is wrong in the files or the environment. */
  access(): Promise<KubeAccess>;
  /** The credentials were refused: the next access reads all files again. */
  forget(): void;
}

export interface InClusterOptions {
  /** Where the file system with the service account is mounted; by default ours. */
  readonly root?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How old what was read from a file may be; a minute. */
  readonly rereadMs?: number;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The service account that every pod is given. */
export function inClusterTarget(options: InClusterOptions = {}): KubeTarget {
  const { root = '', env = process.env, rereadMs } = options;
  const token = new FreshFile(join(root, SERVICE_ACCOUNT, 'token'), 'the token', rereadMs);
  const ca = new FreshFile(join(root, SERVICE_ACCOUNT, 'ca.crt'), 'the certificate authority', rereadMs);
  const host = env.KUBERNETES_SERVICE_HOST;
  const endpoint = host ? addressOf(host, env.KUBERNETES_SERVICE_PORT) : 'the cluster of this pod';
  return {
    endpoint,
    access: async () => {
      if (!host || !URL.canParse(endpoint)) {
        const reason =
          'no Kubernetes API is known: KUBERNETES_SERVICE_HOST and _PORT are not those of a pod; give a kubeconfig file outside a cluster';
        throw new KubeFailure('misconfigured', reason);
      }
      const tls = { ca: ca.read(), cert: null, key: null, serverName: null, verify: true };
      return { url: new URL(endpoint), token: parseToken(token.read(), token.path), tls };
    },
    forget: () => {
      token.forget();
      ca.forget();
    },
  };
}

/** A token that can stand in a header. Throws a KubeFailure for anything else, without showing it. */
export function parseToken(text: string, where: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const reason = token === '' ? 'it is empty' : 'it is no single line of visible characters';
  throw new KubeFailure('misconfigured', `the token in ${where} cannot be used: ${reason}`);
}

const addressOf = (host: string, port = '443') => `https://${formatListen({ host, port: Number(port) })}`;
