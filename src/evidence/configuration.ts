// The configuration in effect, fit to be shown.
import { createHash } from 'node:crypto';
import { lineOf } from '../lib/hash-chain.ts';
import type { Config } from '../lib/index.ts';

/** Every key; a token given in the configuration itself is replaced by `[set]`. */
export function describeConfiguration(config: Config): { sha256: string; values: Record<string, unknown> } {
  const values = { ...config, api: { ...config.api, token: config.api.token === null ? null : '[set]' } };
  return { sha256: createHash('sha256').update(lineOf(values)).digest('hex'), values };
}
