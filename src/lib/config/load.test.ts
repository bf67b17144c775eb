import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { loadConfig, parseListen } from '../index.ts';

const folder = mkdtempSync(join(tmpdir(), 'cognitod-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function withFile(
  content: string,
  env: Record<string, string> = {},
  overrides: Record<string, unknown> = {},
) {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, content);
  return loadConfig({ file, env, overrides }).config;
}

test('without a file and environment the defaults hold', () => {
  const { config } = loadConfig({ env: {} });
  assert.equal(config.kernel.ring_bytes, 8 * 1024 * 1024);
  assert.equal(config.collector, 'auto');
  assert.deepEqual(config.api.listen, { host: '127.0.0.1', port: 3000 });
});

test('an empty file is the defaults', () => {
  assert.deepEqual(withFile(''), loadConfig({ env: {} }).config);
  assert.deepEqual(withFile('# nothing\n'), loadConfig({ env: {} }).config);
});

test('flags beat the environment, which beats the file, which beats the default', () => {
  const file = 'kernel: { argv_bytes: 100, ring_bytes: 64KiB }\nprocfs:\n  interval_ms: 50\n';
  const env = { COGNITOD_KERNEL_ARGV_BYTES: '200', COGNITOD_PROCFS_INTERVAL_MS: '60' };
  const config = withFile(file, env, { 'procfs.interval_ms': 70 });
  assert.deepEqual(
    [config.kernel.ring_bytes, config.kernel.argv_bytes, config.procfs.interval_ms],
    [65_536, 200, 70],
  );
  assert.equal(config.model.retention_seconds, 300);
});

test('lists, flags and empty values come from the environment too', () => {
  const env = {
    COGNITOD_SECRETS_EXTRA_ARGUMENTS: 'pin,puk',
    COGNITOD_SECRETS_MASK: 'false',
    COGNITOD_KERNEL_BTF: '',
  };
  const { config } = loadConfig({ env });
  assert.deepEqual(config.secrets.extra_arguments, ['pin', 'puk']);
  assert.equal(config.secrets.mask, false);
  assert.equal(config.kernel.btf, null);
});

test('all problems are told at once, each with its place', () => {
  assert.throws(
    () =>
      withFile('colector: ebpf\nkernel:\n  argv_bytes: 1\nmodel:\n  max_live: many\n', {
        COGNITOD_NOPE: '1',
      }),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /config\.yaml:1: the key colector is unknown; the nearest is collector/);
      assert.match(
        error.message,
        /config\.yaml:3: kernel\.argv_bytes must be a whole number from 64 to 32768/,
      );
      assert.match(error.message, /config\.yaml:5: model\.max_live must be a whole number/);
      assert.match(error.message, /COGNITOD_NOPE is unknown/);
      return true;
    },
  );
});

for (const [what, content] of [
  ['a key given twice', 'collector: auto\ncollector: ebpf\n'],
  [
    'an alias bomb',
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: [${'*c,'.repeat(9)}*c]\n`,
  ],
  ['a tab as indentation', 'kernel:\n\tring_bytes: 1\n'],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => withFile(content), { code: 'CONFIG_UNREADABLE' });
  });
}

test('a folder and a file of more than a MiB are refused', () => {
  assert.throws(() => loadConfig({ file: folder, env: {} }), { code: 'CONFIG_UNREADABLE' });
  assert.throws(() => withFile('#'.repeat(1024 * 1024 + 1)), {
    code: 'CONFIG_UNREADABLE',
    message: /more than/,
  });
});

test('whatever the file holds, the answer is a configuration or one of two errors', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (content) => {
      try {
        withFile(content);
      } catch (error) {
        assert.match(
          String((error as { code?: string }).code),
          /^CONFIG_(INVALID|UNREADABLE)$/,
          String(error),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('addresses are host and port, with brackets around IPv6', () => {
  assert.deepEqual(parseListen('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseListen('localhost:65535'), { host: 'localhost', port: 65_535 });
  for (const wrong of ['', '3000', 'host', 'host:', ':1', 'host:65536', '::1:80', 'a b:1', 'http://a:1']) {
    assert.equal(parseListen(wrong), null, wrong);
  }
});
