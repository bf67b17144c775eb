// What counts as loopback.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopbackAddress, isLoopbackHost } from './access.ts';

test('loopback addresses are 127.0.0.0/8 and ::1, also when mapped', () => {
  for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
    assert.equal(isLoopbackAddress(address), true, address);
  }
  for (const address of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::ffff:10.0.0.1', 'localhost', '']) {
    assert.equal(isLoopbackAddress(address), false, address);
  }
});

test('a Host header is local by name or address, with any port', () => {
  const local: string[] = [
    'localhost',
    'LOCALHOST:3000',
    'localhost.:80',
    'a.localhost',
    '127.0.0.1:3000',
    '127.1.2.3',
  ];
  for (const host of [...local, '[::1]', '[::1]:3000']) assert.equal(isLoopbackHost(host), true, host);
  const foreign: (string | undefined)[] = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1:3000',
    '',
  ];
  for (const host of [...foreign, '[::]', '::1', '127.0.0.1@evil.example', 'localhost:80:80', undefined]) {
    assert.equal(isLoopbackHost(host), false, String(host));
  }
});
