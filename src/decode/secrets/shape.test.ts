// Which values look like a key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { looksLikeKey } from './shape.ts';

test('hex, base64 and UUIDs look like a key', () => {
  for (const value of [
    ...[
      '4f3c2b1a0d9e8f7a6b5c',
      '7f3a9c0d1e2b4f5a6c7d8e9f0a1b2c3d4e5f6a7b',
      'AbCd1234EfGh5678',
      'Ym9iOmh1bnRlcjI=',
    ],
    ...['wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s='],
    ...['675a50e7-cfe0-be76-e35f-49ec009731ea', 'sq_7Hd82kLmQpXz19', 'squ_7f3a9c0d1e2b4f5a6c7d'],
  ])
    assert.ok(looksLikeKey(value), value);
});

test('words, paths, versions, hosts, dates and data do not', () => {
  for (const value of [
    ...[
      '',
      'hunter2',
      'admin',
      'default-token-x7k2p',
      'bootstrap-token-abcdef',
      'sh.helm.release.v1.web.v12',
    ],
    ...[
      '/etc/app/2024/AbCd1234EfGh',
      './AbCd1234EfGh5678',
      'registry.example.com:5000',
      '2024-01-01T10:00:00',
    ],
    ...[
      '1234567890123456',
      'abcdefghijklmnopqrstuvwxyz',
      'my-database-credentials-2',
      'app-1.2.3-linux-amd64',
    ],
    ...['aB1'.repeat(200), 'AbCd1234 EfGh5678', '$AbCd1234EfGh5678', '--AbCd1234EfGh5678'],
  ])
    assert.ok(!looksLikeKey(value), value);
});
