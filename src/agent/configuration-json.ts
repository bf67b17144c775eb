// The configuration in effect as the API tells it.
import { type ConfigurationJson, SCHEMA_VERSION } from '../api/index.ts';
import { describeConfiguration } from '../evidence/index.ts';
import { type LoadedConfig, shownKeys, variableOf } from '../lib/index.ts';

export function configurationJson({ config, origins }: LoadedConfig): ConfigurationJson {
  return {
    schema_version: SCHEMA_VERSION,
    sha256: describeConfiguration(config).sha256,
    keys: shownKeys(config).map(({ path, description, value, secret }) => {
      const { source, place } = origins.get(path) ?? { source: 'default', place: null };
      return { key: path, variable: variableOf(path), description, value, secret, source, place };
    }),
  };
}
