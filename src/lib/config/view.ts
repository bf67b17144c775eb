// The configuration as it may be shown: no secret in it.
import { CONFIG_KEYS, type Config } from './schema.ts';

/** Stands for a value that is never shown. */
const MASK = '[set]';

/**
 * Tokens; and patterns of secrets, in which people write the secret itself. That one is set, and how many patterns there
 * are, is no secret.
 */
const SECRET_KEYS: readonly string[] = ['api.token', 'api.admin_token', 'secrets.extra_patterns'];

export interface ShownKey {
  readonly path: string;
  readonly description: string;
  readonly value: unknown;
  readonly secret: boolean;
}

/** Every key with its value, in the order of the schema. */
export function shownKeys(config: Config): ShownKey[] {
  return CONFIG_KEYS.map(({ path, description }) => {
    const value = path
      .split('.')
      .reduce((at: unknown, name) => (at as Record<string, unknown>)[name], config);
    const secret = SECRET_KEYS.includes(path);
    return { path, description, value: secret ? masked(value) : value, secret };
  });
}

/** The same as a document in the shape of the configuration. */
export function shownConfig(config: Config): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const { path, value } of shownKeys(config)) {
    const groups = path.split('.');
    const name = groups.pop()!;
    let at = shown;
    for (const group of groups) {
      at[group] ??= {};
      at = at[group] as Record<string, unknown>;
    }
    at[name] = value;
  }
  return shown;
}

const masked = (value: unknown) =>
  Array.isArray(value) ? value.map(() => MASK) : value === null ? null : MASK;
