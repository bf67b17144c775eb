import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from './load.ts';
import { shownConfig, shownKeys } from './view.ts';

test('no secret is shown, and that there is one is', () => {
  const { config } = loadConfig({
    env: {
      COGNITOD_API_TOKEN: 'hunter2',
      COGNITOD_SECRETS_EXTRA_PATTERNS: 'pa55word-[0-9]+,hunter3',
      COGNITOD_SECRETS_EXTRA_ARGUMENTS: 'pin',
    },
  });
  const shown = shownConfig(config);
  assert.doesNotMatch(JSON.stringify(shown), /hunter|pa55/);
  assert.deepEqual(shown.secrets, {
    mask: true,
    extra_arguments: ['pin'],
    extra_patterns: ['[set]', '[set]'],
  });
  assert.equal((shown.api as { token: string }).token, '[set]');
  assert.equal((shown.api as { admin_token: null }).admin_token, null);
  assert.deepEqual(
    shownKeys(config)
      .filter(({ secret }) => secret)
      .map(({ path }) => path),
    ['api.token', 'api.admin_token', 'secrets.extra_patterns'],
  );
});

test('without secrets what is shown is the configuration', () => {
  const { config } = loadConfig({ env: {} });
  assert.deepEqual(shownConfig(config), config);
});

test('where each value is from is known', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-config-'));
  try {
    const file = join(directory, 'c.yaml');
    writeFileSync(
      file,
      'collector: auto\nmodel:\n  heal_seconds: 10\n  max_live: 1000\napi: &a\n  listen: 127.0.0.1:1\nops: *a\n',
    );
    const { origins } = loadConfig({
      file,
      env: { COGNITOD_MODEL_MAX_LIVE: '2000', COGNITOD_NODE_NAME: 'a' },
      overrides: { node_name: 'b', proc_root: undefined },
    });
    assert.deepEqual(
      [
        'collector',
        'model.heal_seconds',
        'model.max_live',
        'node_name',
        'proc_root',
        'ops.listen',
        'api.token',
      ].map((key) => origins.get(key)),
      [
        { source: 'file', place: `${file}:1` },
        { source: 'file', place: `${file}:3` },
        { source: 'environment', place: 'COGNITOD_MODEL_MAX_LIVE' },
        { source: 'flag', place: null },
        undefined,
        { source: 'file', place: `${file}:7` },
        undefined,
      ],
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
