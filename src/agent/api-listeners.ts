// Where and how the API listens, from the configuration.
import type { Config } from '../lib/index.ts';
import type { ApiServerOptions, ApiTls } from '../serve/index.ts';
import type { Log } from '../lib/index.ts';

export function apiListeners(
  { api }: Config,
  log: Log,
): Pick<ApiServerOptions, 'listen' | 'tls' | 'socket' | 'rateLimit'> {
  return {
    listen: api.listen,
    tls: apiTls(api.tls, log),
    socket: api.socket,
    rateLimit: api.rate_limit === 0 ? null : { perSecond: api.rate_limit, burst: api.rate_burst },
  };
}

function apiTls(tls: Config['api']['tls'], log: Log): ApiTls | null {
  const { cert_file: certFile, key_file: keyFile, client_ca_file: clientCaFile, admin_names } = tls;
  if (certFile !== null && keyFile !== null) {
    return {
      files: { certFile, keyFile, clientCaFile },
      adminNames: admin_names,
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
    };
  }
  return null;
}
