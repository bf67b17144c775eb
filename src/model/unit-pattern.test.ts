// Units that somebody makes by the hundred have one name; those that an administrator has named keep theirs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unitPattern } from './unit-pattern.ts';

const UUID = '1f0c2c1a-93d7-4a55-8f6e-0a3d5e7b9c11';
const HASH = 'r0a1b2c3d4e5f60718293a4b5c6d7e8f9';
const HEX = 'ab'.repeat(32);

const FOLDED: readonly (readonly [string, string])[] = [
  [`run-${HASH}.scope`, 'run-*.scope'],
  [`run-${HASH}.service`, 'run-*.service'],
  ['run-u1234.service', 'run-*.service'],
  ['run-p811-i812.scope', 'run-*-*.scope'],
  ['run-4711.scope', 'run-*.scope'],
  ['session-12.scope', 'session-*.scope'],
  ['session-c3.scope', 'session-*.scope'],
  [`vte-spawn-${UUID}.scope`, 'vte-spawn-*.scope'],
  [`snap.firefox.firefox-${UUID}.scope`, 'snap.firefox.firefox-*.scope'],
  ['app-gnome-org.gnome.Terminal-91827.scope', 'app-gnome-org.gnome.Terminal-*.scope'],
  [`libpod-conmon-${HEX}.scope`, 'libpod-conmon-*.scope'],
  ['sshd@3-10.0.0.1:22-192.168.7.9:51234.service', 'sshd@*.service'],
  ['sshd@14-fe80::1%2:22-fe80::9:51234.service', 'sshd@*.service'],
  ['systemd-coredump@0-4711-0.service', 'systemd-coredump@*.service'],
  [`var-lib-kubelet-pods-${UUID}-volumes-data.mount`, 'var-lib-kubelet-pods-*-volumes-data.mount'],
  [
    `var-lib-kubelet-pods-${UUID.replaceAll('-', '\\x2d')}-volumes-data.mount`,
    'var-lib-kubelet-pods-*-volumes-data.mount',
  ],
];

test('what is made up in the name of a unit is left out', () => {
  assert.deepEqual(
    FOLDED.map(([unit]) => unitPattern(unit)),
    FOLDED.map(([, pattern]) => pattern),
  );
});

test('names that an administrator or a package gave stay as they are', () => {
  for (const unit of [
    'kubelet.service',
    'user@1000.service',
    'postgresql@15-main.service',
    'getty@tty1.service',
    'openvpn@10-0-0-1.service',
    'init.scope',
    'php8.2-fpm.service',
    'mongodb-27017.service',
    'backup-2024-weekly.service',
    'cafe-decade.service',
  ])
    assert.equal(unitPattern(unit), unit);
});

test('a pattern is its own pattern, and whatever numbers stand in transient names, the patterns are few', () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
  const transient = fc.oneof(
    hex(32).map((id) => `run-r${id}.scope`),
    fc.nat().map((number) => `run-u${number}.service`),
    fc.nat().map((number) => `session-${number}.scope`),
    fc.uuid().map((uuid) => `vte-spawn-${uuid}.scope`),
    fc
      .tuple(fc.nat(), fc.ipV4(), fc.nat(65_535))
      .map(([n, ip, port]) => `sshd@${n}-10.0.0.1:22-${ip}:${port}.service`),
  );
  fc.assert(
    fc.property(fc.array(transient, { maxLength: 50 }), (units) => {
      assert.ok(new Set(units.map(unitPattern)).size <= 5);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(transient, fc.string()), (unit) => {
      assert.equal(unitPattern(unitPattern(unit)), unitPattern(unit));
    }),
  );
});
