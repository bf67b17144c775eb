// Where the agent is and which token it wants: flag, then environment, then configuration file, then default.
import { readFileSync } from 'node:fs';
import { CognitodError } from '../lib/errors.ts';
import type { ClientSettings } from './client.ts';

export const DEFAULT_API = 'http://127.0.0.1:3000';

export interface GlobalOptions {
  readonly api?: string;
  readonly tokenFile?: string;
  readonly config?: string;
}

/** Throws USAGE for an address that is none, TOKEN_UNREADABLE for a token file that gives none. */
export async function clientSettings(
  options: GlobalOptions,
  env: NodeJS.ProcessEnv,
): Promise<ClientSettings> {
  const configFile = options.config ?? env.COGNITOD_CONFIG;
  let fromFile: { api: string; tokenFile: string | null; token: string | null } | undefined;
  if (configFile !== undefined) {
    // Only then: the schema library takes longer to load than all of the client.
    const { formatListen, loadConfig } = await import('../lib/index.ts');
    const { config } = loadConfig({ file: configFile, env });
    fromFile = {
      api: `http://${formatListen(config.api.listen)}`,
      tokenFile: config.api.token_file,
      token: config.api.token,
    };
  }
  const api = parseAddress(options.api ?? env.COGNITOD_API ?? fromFile?.api ?? DEFAULT_API);
  if (options.tokenFile !== undefined) return { api, token: readTokenFile(options.tokenFile) };
  if (env.COGNITOD_TOKEN) return { api, token: env.COGNITOD_TOKEN };
  if (fromFile?.tokenFile) return { api, token: readTokenFile(fromFile.tokenFile) };
  return { api, token: fromFile?.token ?? null };
}

/** `http://host:port`, or just `host:port`. */
function parseAddress(text: string): URL {
  const wrong = () =>
    new CognitodError('USAGE', `«${text}» is no address of an agent`, {
      hint: `it should look like ${DEFAULT_API}`,
    });
  let url: URL;
  try {
    url = new URL(/^https?:\/\//.test(text) ? text : `http://${text}`);
  } catch {
    throw wrong();
  }
  if (url.hostname === '') throw wrong();
  return url;
}

function readTokenFile(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CognitodError(
      'TOKEN_UNREADABLE',
      `the token file ${file} cannot be read: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  if (token === '') throw new CognitodError('TOKEN_UNREADABLE', `the token file ${file} is empty`);
  return token;
}
