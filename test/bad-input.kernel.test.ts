// What the agent says when something is wrong: what failed, why, what to do. Needs root (to give up what it may).
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { missingIn } from '../src/api/index.ts';
import { runCognitod, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { runWorkload } from './support/workload.ts';

const skip = cannotUseBpf();
const folder = mkdtempSync(join(tmpdir(), 'cognitod-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const FREE = ['--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];

test('without privilege collector ebpf ends with what is needed', { skip }, async () => {
  const end = await runCognitod(['agent', '--collector', 'ebpf', ...FREE], { unprivileged: true });
  assert.equal(end.code, 1);
  assert.match(end.stderr, /refuses to load BPF programs \(EPERM\): CAP_BPF and CAP_PERFMON are missing/);
  assert.match(end.stderr, /run as root or with CAP_BPF and CAP_PERFMON/);
});

test('without privilege auto falls back to procfs, says so loudly, and is not ready', { skip }, async () => {
  const agent = await startAgent({ unprivileged: true });
  try {
    const status = await agent.status();
    assert.equal(status.collector.kind, 'procfs');
    assert.equal(status.ready, false);
    assert.match(status.reasons.join(), /short-lived processes are missed/);
    assert.equal((await agent.ready()).status, 503);
    assert.ok(status.processes.running > 5);
  } finally {
    const end = await agent.stop();
    assert.match(end.stderr, /NOT the whole node is seen/);
    assert.equal(end.code, 0);
  }
});

test('a kernel without BTF needs a BTF file; with one the raw tracepoints see the same', {
  skip,
}, async () => {
  const env = { COGNITOD_SYS_ROOT: folder };
  const refused = await runCognitod(['agent', '--collector', 'ebpf', ...FREE], { env });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no BTF/);
  assert.match(refused.stderr, /kernel\.btf/);
  const btf = join(folder, 'vmlinux.btf');
  copyFileSync('/sys/kernel/btf/vmlinux', btf);
  const agent = await startAgent({ env: { ...env, COGNITOD_KERNEL_BTF: btf } });
  try {
    await runWorkload('execs', 500, 2);
    const status = await agent.status();
    assert.ok(
      status.collector.hooks.every((hook) => hook.startsWith('raw_tp/')),
      status.collector.hooks.join(),
    );
    assert.ok(status.ledger.exec.decoded >= 500);
    assert.equal(missingIn(status.ledger), 0);
    assert.equal(status.ready, true);
  } finally {
    await agent.stop();
  }
});

test('a BTF file that is none is refused in words', { skip }, async () => {
  const env = { COGNITOD_SYS_ROOT: folder, COGNITOD_KERNEL_BTF: file('wrong.btf', 'no btf') };
  const end = await runCognitod(['agent', '--collector', 'ebpf', ...FREE], { env });
  assert.equal(end.code, 1);
  assert.match(end.stderr, /BTF/);
  assert.doesNotMatch(end.stderr, /this is a bug/);
});

test('a port that is taken is named, with the flag that changes it', { skip }, async () => {
  const agent = await startAgent();
  try {
    for (const [flag, address] of [
      ['--api-listen', agent.api],
      ['--ops-listen', agent.ops],
    ] as const) {
      const host = address.replace('http://', '');
      const end = await runCognitod(['agent', ...FREE, flag, host]);
      assert.equal(end.code, 1, end.stderr);
      assert.ok(end.stderr.includes(host), end.stderr);
      assert.ok(end.stderr.includes(flag), end.stderr);
    }
  } finally {
    await agent.stop();
  }
});

test('an address outside loopback needs a token', { skip }, async () => {
  const end = await runCognitod(['agent', '--ops-listen', '127.0.0.1:0', '--api-listen', '0.0.0.0:0']);
  assert.equal(end.code, 1);
  assert.match(end.stderr, /token/);
});

for (const [what, content, expected] of [
  [
    'an unknown key',
    'kernel:\n  ring_byte: 8MiB\n',
    /:2: the key kernel\.ring_byte is unknown; the nearest is kernel\.ring_bytes/,
  ],
  ['an absurd size', 'kernel:\n  ring_bytes: 900GiB\n', /:2: kernel\.ring_bytes must be a power of two/],
  ['a size that is no power of two', 'kernel: { ring_bytes: 5000 }\n', /power of two/],
  ['a value of another type', 'model: 7\n', /model must be a mapping/],
  ['broken YAML', 'kernel: [\n', /no valid YAML/],
  ['a list at the top', '- 1\n', /mapping/],
  ['a certificate without its key', 'api:\n  tls: { cert_file: /c.pem }\n', /api\.tls\.key_file is missing/],
  ['a key without its certificate', 'api:\n  tls: { key_file: /k.pem }\n', /api\.tls\.cert_file is missing/],
  ['authorities without TLS', 'api:\n  tls: { client_ca_file: /a.pem }\n', /api\.tls\.cert_file is missing/],
  ['equal tokens', 'api: { token: abc, admin_token: abc }\n', /admin_token is the same as api\.token/],
] as const) {
  test(`a configuration with ${what} is refused with exit code 2 and the place`, async () => {
    const config = file('config.yaml', content);
    const end = await runCognitod(['agent', '--check-config', '--config', config]);
    assert.equal(end.code, 2, end.stderr);
    assert.match(end.stderr, expected);
  });
}

test('an open listener without a token: the check says what the start would', async () => {
  const args = ['agent', '--config', file('config.yaml', 'api: { listen: "0.0.0.0:0" }\n')];
  const checked = await runCognitod([...args, '--check-config']);
  const started = await runCognitod([...args, '--collector', 'procfs']);
  assert.match(checked.stderr, /0\.0\.0\.0:0 can be reached from outside this machine, and no token is set/);
  assert.equal(checked.code, started.code);
  assert.ok(started.stderr.endsWith(checked.stderr), started.stderr);
});

test('the check needs none of the files that the agent will have where it runs', async () => {
  const content =
    'api:\n  listen: 0.0.0.0:3000\n  token_file: /nonexistent/t\n  tls: { cert_file: /nonexistent/c, key_file: /nonexistent/k }\n';
  const { code, stderr } = await runCognitod([
    'agent',
    '--check-config',
    '--config',
    file('config.yaml', content),
  ]);
  assert.equal(code, 0, stderr);
});

test('a good configuration passes the check without a start', async () => {
  const config = file('good.yaml', 'kernel:\n  ring_bytes: 16MiB\nmodel:\n  retention_seconds: 60\n');
  const end = await runCognitod(['agent', '--check-config', '--config', config, '--json']);
  assert.deepEqual([end.code, JSON.parse(end.stdout)], [0, { valid: true }]);
});

test('a missing configuration file and an unknown variable are named', async () => {
  const missing = await runCognitod(['agent', '--check-config', '--config', join(folder, 'missing.yaml')]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /missing\.yaml cannot be read: .*no such file/);
  const unknown = await runCognitod(['agent', '--check-config'], { env: { COGNITOD_KERNEL_RINGBYTES: '1' } });
  assert.equal(unknown.code, 2);
  assert.match(
    unknown.stderr,
    /COGNITOD_KERNEL_RINGBYTES is unknown; the nearest is COGNITOD_KERNEL_RING_BYTES/,
  );
});
