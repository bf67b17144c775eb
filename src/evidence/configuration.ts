// The configuration in effect, fit to be shown.
import { createHash } from 'node:crypto';
import { lineOf } from '../lib/hash-chain.ts';
import type { Config } from '../lib/index.ts';

/** Every key; tokens given in the configuration itself are replaced by `[set]`. */
export function describeConfiguration(config: Config): { sha256: string; values: Record<string, unknown> } {
  const { token, admin_token: adminToken } = config.api;
  const masked = { token: token && '[set]', admin_token: adminToken && '[set]' };
  const values = { ...config, api: { ...config.api, ...masked } };
  return { sha256: createHash('sha256').update(lineOf(values)).digest('hex'), values };
}
