import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig, variableOf } from './config/load.ts';
import { CONFIG_KEYS, ERROR_CODES } from './index.ts';

const read = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8');
const rows = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

test('docs/errors.md lists exactly the codes of the registry, with their meanings', () => {
  assert.deepEqual(
    rows(read('errors.md')).map(([, code, meaning]) => [code, meaning]),
    Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning]),
  );
});

test('docs/configuration.md lists exactly the keys of the schema, with their variables and meanings', () => {
  assert.deepEqual(
    rows(read('configuration.md')).map(([, key, variable, , meaning]) => [key, variable, meaning]),
    CONFIG_KEYS.map(({ path, description }) => [`\`${path}\``, `\`${variableOf(path)}\``, description]),
  );
  assert.ok(CONFIG_KEYS.every(({ description }) => description !== ''));
});

test('the defaults in docs/configuration.md, taken as a configuration, are the defaults', () => {
  const { config } = loadConfig({ env: {} });
  const env = Object.fromEntries(
    rows(read('configuration.md'))
      .filter(([, , , value]) => value!.startsWith('`'))
      .map(([, , variable, value]) => [variable!.replaceAll('`', ''), value!.replaceAll('`', '')]),
  );
  assert.ok(Object.keys(env).length > 15);
  assert.deepEqual(loadConfig({ env }).config, config);
});
