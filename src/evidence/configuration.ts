// The configuration in effect, fit to be shown.
import { createHash } from 'node:crypto';
import { lineOf } from '../lib/hash-chain.ts';
import { type Config, shownConfig } from '../lib/index.ts';

/** Every key; secrets given in the configuration itself are replaced by `[set]`. */
export function describeConfiguration(config: Config): { sha256: string; values: Record<string, unknown> } {
  const values = shownConfig(config);
  return { sha256: createHash('sha256').update(lineOf(values)).digest('hex'), values };
}
