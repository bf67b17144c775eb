// Where the agent is and which token it wants: flag, then environment, then configuration, then default.
import { accessSync, constants } from 'node:fs';
import { CognitodError } from '../lib/errors.ts';
import { checkToken, readTokenFile } from '../lib/token.ts';
import type { ClientSettings } from './client.ts';
import { readClientTls, type TlsOptions } from './tls-settings.ts';

const DEFAULT_PORT = 3000;
export const DEFAULT_API = `http://127.0.0.1:${DEFAULT_PORT}`;

const FILE_HINT = 'it is named by --token-file, or by api.token_file in the configuration';

/** The agent's own settings: where they are set, as in its pod, clients find it without any flag. */
const AGENT_VARIABLES = [
  'LISTEN',
  'TOKEN_FILE',
  'TOKEN',
  'ADMIN_TOKEN_FILE',
  'ADMIN_TOKEN',
  'SOCKET',
  'TLS_CERT_FILE',
].map((name) => `COGNITOD_API_${name}`);
/** An agent that listens on all addresses is reached by the loopback one. */
const ALL_ADDRESSES: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

export interface GlobalOptions extends TlsOptions {
  readonly api?: string;
  readonly tokenFile?: string;
  readonly config?: string;
}

interface Configured {
  readonly api: string;
  readonly tokenFile: string | null;
  readonly token: string | null;
}

/** Throws USAGE for an address that is none and for certificates that cannot be used, TOKEN_UNREADABLE for a token that is none. */
export async function clientSettings(
  options: GlobalOptions,
  env: NodeJS.ProcessEnv,
): Promise<ClientSettings> {
  const settings = await addressAndToken(options, env);
  const wanted = options.certFile ?? options.keyFile;
  if (wanted !== undefined && settings.api.protocol !== 'https:') {
    throw new CognitodError(
      'USAGE',
      `a certificate can be shown over TLS only, and ${settings.api.href} is without`,
      {
        hint: 'give the address as https://…, with --api',
      },
    );
  }
  return { ...settings, ...(await readClientTls(options, env)) };
}

async function addressAndToken(options: GlobalOptions, env: NodeJS.ProcessEnv): Promise<ClientSettings> {
  const configured = await readConfiguration(options.config ?? env.COGNITOD_CONFIG, env);
  const api = parseAddress(options.api ?? (env.COGNITOD_API || configured?.api) ?? DEFAULT_API);
  if (options.tokenFile !== undefined) return { api, token: readTokenFile(options.tokenFile, FILE_HINT) };
  if (env.COGNITOD_TOKEN) return { api, token: checkToken(env.COGNITOD_TOKEN, 'COGNITOD_TOKEN') };
  if (configured?.tokenFile) return { api, token: readTokenFile(configured.tokenFile, FILE_HINT) };
  const token = configured?.token ?? null;
  return { api, token: token === null ? null : checkToken(token, 'api.token') };
}

async function readConfiguration(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Configured | undefined> {
  if (!file && !AGENT_VARIABLES.some((name) => env[name])) return undefined;
  // Only then: the schema library takes longer to load than all of the client.
  const { formatListen, loadConfig } = await import('../lib/index.ts');
  const { config } = loadConfig({ ...(file ? { file } : {}), env });
  const { listen, token_file, token, admin_token_file, admin_token, socket, tls } = config.api;
  const host = ALL_ADDRESSES[listen.host] ?? listen.host;
  const scheme = tls.cert_file === null ? 'http' : 'https';
  const api =
    socket !== null && mayConnect(socket)
      ? `unix:${socket}`
      : `${scheme}://${formatListen({ host, port: listen.port })}`;
  // Clients only look: the admin token is for agents that have no other.
  return token_file !== null || token !== null
    ? { api, tokenFile: token_file, token }
    : { api, tokenFile: admin_token_file, token: admin_token };
}

/** The socket needs no token; whoever may not use it asks as others do. */
function mayConnect(socket: string): boolean {
  try {
    accessSync(socket, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** `unix:/path`, `http://host:port`, or just `host:port`, or just `host`. */
function parseAddress(text: string): URL {
  if (/^unix:\/[^/]/.test(text)) return unixAddress(text.slice('unix:'.length));
  const bare = !/^[a-z]+:\/\//i.test(text);
  let url: URL | undefined;
  try {
    url = new URL(bare ? `http://${text}` : text);
  } catch {}
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new CognitodError('USAGE', `«${text}» is no address of an agent`, {
      hint: `it should look like ${DEFAULT_API}, or unix:/run/cognitod.sock`,
    });
  }
  // Of a bare host nobody means port 80.
  if (bare && url.port === '' && !/:80(\/|$)/.test(text)) url.port = String(DEFAULT_PORT);
  return url;
}

function unixAddress(path: string): URL {
  const url = new URL('unix:/');
  // A path is bytes that mean nothing else here.
  url.pathname = path.replaceAll('%', '%25').replaceAll('?', '%3F').replaceAll('#', '%23');
  return url;
}
