// Configuration files that are wrong, hostile or no files, and the example that is shipped.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createMasker } from '../../decode/secrets/secrets.ts';
import { readConfigFile } from './file.ts';
import { CONFIG_KEYS, CognitodError, loadConfig } from '../index.ts';

const folder = mkdtempSync(join(tmpdir(), 'cognitod-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(content: string | Uint8Array): string {
  const file = join(folder, 'cognitod.yaml');
  writeFileSync(file, content);
  return file;
}

function failure(call: () => unknown): CognitodError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof CognitodError, String(error));
    return error;
  }
  throw assert.fail('nothing was thrown');
}

const failureOf = (content: string | Uint8Array, env = {}) =>
  failure(() => loadConfig({ file: fileWith(content), env }));
const loaded = (content: string | Uint8Array) => loadConfig({ file: fileWith(content), env: {} }).config;
const DEFAULTS = loadConfig({ env: {} }).config;

test('the shipped example is valid, has every key, and each at its default', () => {
  const file = join(import.meta.dirname, '../../../deploy/cognitod.yaml');
  assert.deepEqual(loadConfig({ file, env: {} }).config, DEFAULTS);
  const { places } = readConfigFile(file);
  const missing = CONFIG_KEYS.filter(({ path }) => !places.has(path)).map(({ path }) => path);
  assert.deepEqual(missing, ['node_name']);
  assert.match(readFileSync(file, 'utf8'), /^# node_name: /m);
});

test('variables that Kubernetes sets for a Service named cognitod are no keys', () => {
  const env = {
    COGNITOD_SERVICE_HOST: '10.0.0.1',
    COGNITOD_SERVICE_PORT: '3000',
    COGNITOD_SERVICE_PORT_HTTP_API: '3000',
    COGNITOD_PORT: 'tcp://10.0.0.1:3000',
    COGNITOD_PORT_3000_TCP: 'tcp://10.0.0.1:3000',
    COGNITOD_PORT_3000_TCP_ADDR: '10.0.0.1',
    COGNITOD_PORT_53_UDP_PROTO: 'udp',
    COGNITOD_API_SERVICE_HOST: '10.0.0.2',
    COGNITOD_API_PORT: 'tcp://10.0.0.2:80',
  };
  assert.deepEqual(loadConfig({ env }).config, DEFAULTS);
  for (const variable of ['COGNITOD_PORTS', 'COGNITOD_PORT_X', 'COGNITOD_SERVICE', 'COGNITOD_KERNEL']) {
    const error = failure(() => loadConfig({ env: { [variable]: '1' } }));
    assert.match(error.message, new RegExp(`variable ${variable} is unknown; the nearest is COGNITOD_`));
  }
});

test('variables of the clients and other programs are no errors', () => {
  const env = {
    COGNITOD_API: 'x',
    COGNITOD_TOKEN: 'x',
    COGNITOD_CONFIG: 'x',
    PATH: '/bin',
    MY_COGNITOD_X: '1',
  };
  assert.deepEqual(loadConfig({ env: { ...env, COGNITOD_NOPE: undefined } }).config, DEFAULTS);
});

test('flags that were not given change nothing', () => {
  assert.deepEqual(loadConfig({ env: {}, overrides: { 'kernel.ring_bytes': undefined } }).config, DEFAULTS);
});

test('a section without content is the defaults', () => {
  assert.deepEqual(loaded('kernel:\nmodel: ~\n# api:\n'), DEFAULTS);
  assert.deepEqual(loaded('~'), DEFAULTS);
  assert.deepEqual(loaded('\ufeffcollector: auto\n'), DEFAULTS);
});

test('a missing file, a directory and a file without permission are told apart', () => {
  const reason = (file: string) => {
    const error = failure(() => loadConfig({ file, env: {} }));
    assert.equal(error.code, 'CONFIG_UNREADABLE');
    assert.ok(error.message.startsWith(`the configuration file ${file} cannot be read: `));
    assert.match(error.hint!, /--config/);
    return error.message;
  };
  assert.match(reason(join(folder, 'nope')), /no such file/);
  assert.match(reason(folder), /it is a directory/);
  if (process.getuid!() !== 0) {
    const file = fileWith('');
    chmodSync(file, 0);
    assert.match(reason(file), /permission denied/);
    chmodSync(file, 0o600);
  }
});

test('a device without an end is refused, an empty one is the defaults', () => {
  assert.match(failure(() => loadConfig({ file: '/dev/zero', env: {} })).message, /more than 1048576 bytes/);
  assert.deepEqual(loadConfig({ file: '/dev/null', env: {} }).config, DEFAULTS);
});

test('a file of exactly 1 MiB is read, one byte more is not', () => {
  assert.deepEqual(loaded('#'.repeat(1024 * 1024)), DEFAULTS);
  assert.equal(failureOf('#'.repeat(1024 * 1024 + 1)).code, 'CONFIG_UNREADABLE');
});

test('bytes outside UTF-8, a list, a text and two documents are refused', () => {
  for (const [content, message] of [
    [Uint8Array.of(0x61, 0x3a, 0x20, 0xff), /no UTF-8/],
    ['- collector: auto', /must be a mapping of keys/],
    ['collector', /must be a mapping of keys/],
    ['collector: auto\n---\ncollector: ebpf\n', /:2:1: .*multiple documents/],
    ['node_name: !secret x\n', /:1:12: Unresolved tag/],
    ['kernel: {ring_bytes: 8MiB\n', /cognitod\.yaml:\d+:\d+: /],
  ] as const) {
    const error = failureOf(content);
    assert.equal(error.code, 'CONFIG_UNREADABLE');
    assert.match(error.message, message);
  }
});

test('a key given twice is told with both places', () => {
  assert.match(
    failureOf('kernel:\n  argv_bytes: 64\n  argv_bytes: 65\n').message,
    /cognitod\.yaml:3:3: the key kernel\.argv_bytes is given again, first at .*cognitod\.yaml:2/,
  );
});

test('aliases may be used, but not to blow up', () => {
  const config = loaded('kernel: {ring_bytes: &size 64KiB}\nstream: {client_queue_bytes: *size}\n');
  assert.equal(config.stream.client_queue_bytes, 65_536);
  const bomb = `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`;
  assert.match(failureOf(bomb).message, /alias/);
});

test('names of the language itself are unknown keys like others', () => {
  const error = failureOf('__proto__: {a: 1}\nconstructor: 1\nkernel: {toString: 1, __proto__: 2}\n');
  for (const key of ['__proto__', 'constructor', 'kernel.toString', 'kernel.__proto__']) {
    assert.ok(error.message.includes(`the key ${key} is unknown`), error.message);
  }
});

test('only the first of many problems are told, in a message of bounded length', () => {
  const keys = (count: number) => Array.from({ length: count }, (_, i) => `key${i}: 1\n`).join('');
  const error = failureOf(keys(2000));
  assert.match(error.message, /\n {2}and 1980 more$/);
  assert.ok(error.message.length < 4000);
  assert.doesNotMatch(failureOf(keys(20)).message, /more$/);
  const long = failureOf(`${'a'.repeat(1000)}: 1\n`, { [`COGNITOD_${'A'.repeat(1000)}`]: '1' });
  assert.ok(long.message.length < 1000);
});

test('a file made to keep the parser busy is answered soon', () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `k${i}: 1\n`).join('');
  for (const content of ['['.repeat(200_000), `${'{a: '.repeat(20_000)}1`, 'k: 1\n'.repeat(50_000), keys]) {
    const start = performance.now();
    const error = failureOf(content);
    assert.match(error.code, /^CONFIG_/);
    assert.ok(error.message.length < 5000);
    assert.ok(performance.now() - start < 15_000);
  }
});

const KIB = 1024;
const GIB = 1024 ** 3;
for (const [key, least, most] of [
  ['kernel.argv_bytes', 64, 32 * KIB],
  ['kernel.ring_bytes', 4 * KIB, GIB],
  ['model.retention_seconds', 0, 86_400],
  ['model.max_exited', 0, 10_000_000],
  ['model.max_live', 100, 10_000_000],
  ['model.memory_bytes', KIB * KIB, 64 * GIB],
  ['model.heal_seconds', 1, 3600],
  ['stream.client_queue_bytes', 64 * KIB, GIB],
  ['stream.heartbeat_seconds', 1, 3600],
  ['procfs.interval_ms', 10, 60_000],
] as const) {
  test(`${key} is a number from ${least} to ${most}`, () => {
    const [section, name] = key.split('.') as [keyof typeof DEFAULTS, string];
    const valueFor = (value: unknown) =>
      (loadConfig({ env: {}, overrides: { [key]: value } }).config[section] as Record<string, unknown>)[name];
    for (const value of [least, most]) {
      assert.equal(valueFor(value), value);
      assert.equal(valueFor(String(value)), value);
    }
    const twice = key === 'kernel.ring_bytes' ? [least / 2, most * 2, least * 3] : [least - 1, most + 1];
    for (const value of [
      ...twice,
      least + 0.5,
      true,
      null,
      [least],
      'x',
      `${least}x`,
      '-1',
      '1e3',
      Number.NaN,
    ]) {
      const error = failure(() => valueFor(value));
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.ok(error.message.includes(`command line: ${key} must be `), error.message);
      assert.ok(error.message.includes(`${least} to ${most}`), error.message);
    }
  });
}

test('sizes may have units of 1024', () => {
  const sizeOf = (text: string) =>
    loadConfig({ env: { COGNITOD_KERNEL_RING_BYTES: text } }).config.kernel.ring_bytes;
  assert.deepEqual(['4096', '64KiB', '2MiB', '1GiB', '8 MiB'].map(sizeOf), [
    4096,
    64 * KIB,
    2 * KIB * KIB,
    GIB,
    8 * KIB * KIB,
  ]);
  for (const text of ['8MB', '8M', '8mib', '8.5MiB', 'MiB', '0x1000', '9007199254740993']) {
    assert.match(failure(() => sizeOf(text)).message, /a power of two .*like 8MiB/);
  }
});

test('names and patterns of secrets are checked before the agent starts', () => {
  const error = failureOf('secrets:\n  extra_patterns: [ok, "(unclosed"]\n  extra_arguments: ["a b"]\n');
  assert.equal(error.code, 'CONFIG_INVALID');
  assert.match(error.message, /yaml:2: secrets\.extra_patterns\.1 is no regular expression: .*\(unclosed/);
  assert.match(error.message, /yaml:3: secrets\.extra_arguments\.0 must be the name of an option/);
});

test('what the configuration takes for names and patterns, the masker takes too', () => {
  const { secrets } = loaded(
    'secrets: {extra_arguments: [pin, --card-pin, a.b_c], extra_patterns: ["a+", "[z"]}'.replace('[z', 'z'),
  );
  assert.equal(secrets.extra_arguments.length, 3);
  createMasker({
    enabled: true,
    extraArguments: secrets.extra_arguments,
    extraPatterns: secrets.extra_patterns,
  });
});

test('a wrong value of a secret key is not repeated in the message', () => {
  assert.doesNotMatch(failureOf('api:\n  token: [hunter2]\n').message, /hunter2/);
  const env = { COGNITOD_API_TOKEN: `hunter2${'x'.repeat(5000)}` };
  assert.doesNotMatch(failure(() => loadConfig({ env })).message, /hunter2/);
});
