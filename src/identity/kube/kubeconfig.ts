// Reads one context of a kubeconfig file.
//
// Plugins (exec, auth-provider) run other programs for credentials and are refused: a node agent has a service
// account or a file. So is what would silently change who is asked or who asks: proxies, passwords, impersonation.
import { dirname, resolve } from 'node:path';
import { type KubeAccess, type KubeTarget, parseToken } from './target.ts';
import { FreshFile } from './fresh-file.ts';
import { type Fields, fieldsOf, textOf } from './json.ts';
import { KubeFailure } from './kube-failure.ts';

export interface KubeconfigOptions {
  readonly path: string;
  /** By default the file's `current-context`. */
  readonly context?: string;
  /** How old what was read from a file may be; a minute. */
  readonly rereadMs?: number;
}

const INSTEAD = 'use a token, a tokenFile or a client certificate';
const PASSWORDS = `no Kubernetes takes passwords any more; ${INSTEAD}`;
const IMPERSONATION = 'impersonation is not supported; give the user itself the permission';

const REFUSED: Readonly<Record<string, string>> = {
  exec: `exec plugins are not run; ${INSTEAD}`,
  'auth-provider': `auth-provider plugins are not run; ${INSTEAD}`,
  username: PASSWORDS,
  password: PASSWORDS,
  as: IMPERSONATION,
  'as-uid': IMPERSONATION,
  'as-groups': IMPERSONATION,
  'as-user-extra': IMPERSONATION,
  'proxy-url': 'proxies are not supported',
};

/** Tools write all keys, also those without a value. An empty object of `exec` is one: kubectl fails with it too. */
function isSet(key: string, value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  const isCollection = key === 'as-groups' || key === 'as-user-extra';
  return !(isCollection && typeof value === 'object' && Object.keys(value).length === 0);
}

/** The file is looked at again as the files that it names are: a changed one is used without a restart. */
export function kubeconfigTarget(options: KubeconfigOptions): KubeTarget {
  const config = new FreshFile(options.path, 'the kubeconfig file', options.rereadMs);
  let parsedText: string | null = null;
  let parsed: Resolved | undefined;
  return {
    get endpoint() {
      return parsed?.url.href.replace(/\/$/, '') ?? `as in ${options.path}`;
    },
    access: async () => {
      const text = config.read();
      if (parsed === undefined || text !== parsedText) {
        parsed = resolveContext(await parseYaml(text, options.path), options);
        parsedText = text;
      }
      return parsed.access();
    },
    forget: () => {
      config.forget();
      parsed?.forget();
    },
  };
}

interface Resolved {
  readonly url: URL;
  access(): KubeAccess;
  forget(): void;
}

function resolveContext(root: Fields, { path, context, rereadMs }: KubeconfigOptions): Resolved {
  const fail = (what: string) => new KubeFailure('misconfigured', `the kubeconfig file ${path}: ${what}`);
  const named = (list: string, name: unknown, inner: string): Fields => {
    const items = Array.isArray(root[list]) ? root[list] : [];
    const item = items.map(fieldsOf).find((entry) => entry.name === name);
    if (typeof name !== 'string') throw fail(`it names none of ${list}`);
    if (item === undefined) throw fail(`${list} has no ${name}`);
    return fieldsOf(item[inner]);
  };
  const contextName = context ?? root['current-context'];
  if (!contextName) throw fail('it has no current-context, and no context was chosen');
  const chosen = named('contexts', contextName, 'context');
  const cluster = named('clusters', chosen.cluster, 'cluster');
  const user = isSet('user', chosen.user) ? named('users', chosen.user, 'user') : {};
  for (const [key, why] of Object.entries(REFUSED)) {
    if (isSet(key, user[key]) || isSet(key, cluster[key])) throw fail(`${key}: ${why}`);
  }
  const server = textOf(cluster.server) ?? '';
  const url = URL.canParse(server) ? new URL(server) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw fail('the cluster has no server like https://host:6443');
  if (url.username || url.password) throw fail('the server holds a password; use a token or a certificate');

  const files: FreshFile[] = [];
  /** The content of `key`-data, else of the file that `key` names, else null. */
  const content = (fields: Fields, key: string): (() => string | null) => {
    const data = fields[`${key}-data`];
    if (typeof data === 'string' && data !== '') {
      const text = Buffer.from(data, 'base64').toString('utf8');
      return () => text;
    }
    return fileContent(fields[key], key);
  };
  const fileContent = (name: unknown, what: string): (() => string | null) => {
    if (typeof name !== 'string' || name === '') return () => null;
    const file = new FreshFile(resolve(dirname(path), name), what, rereadMs);
    files.push(file);
    return () => file.read();
  };
  const inlineToken = typeof user.token === 'string' && user.token !== '' ? user.token : null;
  // As kubectl does: a token file wins over a token.
  const tokenFile = fileContent(user.tokenFile, 'tokenFile');
  const ca = content(cluster, 'certificate-authority');
  const cert = content(user, 'client-certificate');
  const key = content(user, 'client-key');
  const verify = cluster['insecure-skip-tls-verify'] !== true;
  const serverName = textOf(cluster['tls-server-name']);
  return {
    url,
    access: () => {
      const tls = { ca: ca(), cert: cert(), key: key(), serverName, verify };
      if ((tls.cert === null) !== (tls.key === null))
        throw fail('client-certificate and client-key belong together, and one is missing');
      const token = tokenFile() ?? inlineToken;
      return { url, token: token === null ? null : parseToken(token, path), tls };
    },
    forget: () => {
      for (const file of files) file.forget();
    },
  };
}

/** The parser is loaded here only: inside a cluster nobody needs it. */
async function parseYaml(text: string, path: string): Promise<Fields> {
  const { parse } = await import('yaml');
  try {
    return fieldsOf(parse(text, { logLevel: 'error' }));
  } catch (error) {
    // Without the excerpt that follows the first line: it could show a credential.
    const [line] = (error as Error).message.split('\n');
    throw new KubeFailure('misconfigured', `the kubeconfig file ${path} is no YAML: ${line}`);
  }
}
