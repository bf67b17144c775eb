// Secrets that their surroundings in one text give away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, maskOne } from './testdata/masked.ts';

test('addresses lose their password and their secret parameters', () => {
  for (const [text, becomes] of [
    ['redis://:hunter2@cache:6379/0', 'redis://:***@cache:6379/0'],
    ['https://bob:p@ss@host/x', 'https://bob:***@host/x'],
    ['postgres://bob:pa/ss@host:5432/db', 'postgres://bob:***@host:5432/db'],
    ['mongodb://u:p@h1:27017,h2:27017/db?w=1', 'mongodb://u:***@h1:27017,h2:27017/db?w=1'],
    ['--url=amqp://u:p@h', '--url=amqp://u:***@h'],
    ['a://u:p@h,b://u:q@h', 'a://u:***@h,b://u:***@h'],
    ['https://h/x?a=1&access_token=abc&b=2#c', 'https://h/x?a=1&access_token=***&b=2#c'],
    ['https://h/x?sig=abc', 'https://h/x?sig=***'],
    ['https://h/x?X-Amz-Signature=abc&y', 'https://h/x?X-Amz-Signature=***&y'],
    ['https://h/#token=abc', 'https://h/#token=***'],
  ] as const) {
    assert.equal(maskOne(text), becomes);
    check([
      [
        ['curl', text],
        ['curl', becomes],
      ],
    ]);
  }
  for (const text of [
    'https://host:8080/a@b:c',
    'https://bob@host/x',
    'https://bob:@host/x',
    'http://[::1]:80/x@y',
    'http://[fe80::1]/a:b@c',
    'docker://registry:5000/a@sha256:0123',
    'git@github.com:a/b.git',
    'https://h/x?design=1&monkey=2&sort=key',
    'https://h/x?token=&b=2',
    '--sig=9',
  ]) {
    assert.equal(maskOne(text), text);
  }
});

test('headers lose their value and keep the scheme', () => {
  for (const [text, becomes] of [
    ['Authorization: Basic YTpi', 'Authorization: Basic ***'],
    ['authorization:abc', 'authorization:***'],
    ['Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b', 'Authorization: AWS4-HMAC-SHA256 ***'],
    ['Proxy-Authorization: token abc', 'Proxy-Authorization: token ***'],
    ['X-Api-Key:abc', 'X-Api-Key:***'],
    ['X-Vault-Token: a b', 'X-Vault-Token: ***'],
    ['PRIVATE-TOKEN: abc', 'PRIVATE-TOKEN: ***'],
    ['Cookie: a=b; c=d', 'Cookie: ***'],
    ['Set-Cookie: sid=abc; Path=/', 'Set-Cookie: ***'],
    ['-HAuthorization: Bearer abc', '-HAuthorization: Bearer ***'],
    ['--header=X-Auth-Token: abc', '--header=X-Auth-Token: ***'],
    ['http.extraHeader=Authorization: Basic YTpi', 'http.extraHeader=Authorization: Basic ***'],
    ['GET / HTTP/1.1\nCookie: a=b\nHost: h', 'GET / HTTP/1.1\nCookie: ***\nHost: h'],
    ["curl -H 'Cookie: a=b; c' http://h", "curl -H 'Cookie: ***' http://h"],
    ['curl -H "X-Api-Key: abc" http://h', 'curl -H "X-Api-Key: ***" http://h'],
  ] as const) {
    assert.equal(maskOne(text), becomes);
  }
  for (const text of [
    'Authorization:',
    'Content-Type: text/plain',
    'Fix authorization: handle nil',
    'token: expired',
    'my-secret:/run/secrets',
    'registry/my-token:v1',
    'curl -H "Authorization: Bearer $TOKEN" http://h',
  ]) {
    assert.equal(maskOne(text), text);
  }
});

test('fields of JSON lose their value', () => {
  for (const [text, becomes] of [
    ['{"password": "a \\" b", "x": 1}', '{"password": "***", "x": 1}'],
    ["{'api_key':'abc'}", "{'api_key':'***'}"],
    ['{token:"a", x:"y"}', '{token:"***", x:"y"}'],
    ['{"token" : 4711, "x" : 1}', '{"token" : ***, "x" : 1}'],
    ['{"token": \'abc\'}', '{"token": \'***\'}'],
    ['"{\\"clientSecret\\":\\"abc\\",\\"x\\":\\"y\\"}"', '"{\\"clientSecret\\":\\"***\\",\\"x\\":\\"y\\"}"'],
    ['{"token":"cut', '{"token":"***'],
    ['{"\\"token\\":\\"cut', '{"\\"token\\":\\"***'],
  ] as const) {
    assert.equal(maskOne(text), becomes);
  }
  for (const text of ['{"user":"a","tokens":"b"}', '{"token":null,"password":""}', '{"a":"token"}']) {
    assert.equal(maskOne(text), text);
  }
});

test('tokens of known shape are masked wherever they stand', () => {
  const x = (count: number) => 'a1B2c3D4e5F6g7H8'.repeat(6).slice(0, count);
  const tokens = [
    ...['AKIAIOSFODNN7EXAMPLE', `ASIAIOSFODNN7EXAMPLE:${'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'}`],
    ...['p', 'o', 'u', 's', 'r'].map((kind) => `gh${kind}_${x(36)}`),
    ...[`github_pat_${x(22)}_${x(59)}`, `glpat-${x(20)}`, `xoxb-1234567890-${x(24)}`, `xoxp-12345678901`],
    ...[
      `sk-${x(48)}`,
      `sk-proj-${x(10)}-${x(20)}`,
      `sk-ant-api03-${x(40)}`,
      `sk_live_${x(24)}`,
      `rk_test_${x(24)}`,
    ],
    ...[`npm_${x(36)}`, `pypi-${x(60)}`, `dckr_pat_${x(27)}`, `hf_${x(34)}`, `AIza${x(35)}`, `ya29.${x(40)}`],
    ...[`GOCSPX-${x(28)}`, `dop_v1_${'0a'.repeat(32)}`, `hvs.${x(24)}`, `tskey-auth-${x(20)}`],
    ...[`AGE-SECRET-KEY-1${'A2'.repeat(29)}`, `SG.${x(22)}.${x(43)}`],
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N',
  ];
  for (const token of tokens) {
    assert.equal(maskOne(token), '***', token);
    assert.equal(maskOne(`--x=${token}`), '--x=***', token);
    assert.equal(maskOne(`see ${token}, then ${token}.`), 'see ***, then ***.', token);
    assert.equal(maskOne(`/a/${token}?b`), '/a/***?b', token);
  }
  assert.equal(maskOne(`https://${tokens[2]}@github.com/a`), 'https://***@github.com/a');
  for (const text of [
    'disk-0123456789012345678901',
    'AKIA123',
    'ghp_short',
    'eyJhbGci.eyJ',
    'risk_live_0123456789012345',
    'xoxb-',
  ]) {
    assert.equal(maskOne(text), text);
  }
});

test('every private key in an argument is masked, also one that is cut', () => {
  const key = (content: string) => `-----BEGIN RSA PRIVATE KEY-----${content}-----END RSA PRIVATE KEY-----`;
  assert.equal(maskOne(`${key('\nab\n')}\n${key('cd')}`), `${key('***')}\n${key('***')}`);
  assert.equal(
    maskOne('x -----BEGIN OPENSSH PRIVATE KEY-----\nab'),
    'x -----BEGIN OPENSSH PRIVATE KEY-----***',
  );
  assert.equal(maskOne('-----BEGIN PUBLIC KEY----- ab'), '-----BEGIN PUBLIC KEY----- ab');
});

test('SQL that sets a password loses it', () => {
  for (const [text, becomes] of [
    ["CREATE USER a IDENTIFIED BY 'hunter2'", "CREATE USER a IDENTIFIED BY '***'"],
    [
      "create user a identified with mysql_native_password by 'x''y'",
      "create user a identified with mysql_native_password by '***'",
    ],
    ["SET PASSWORD = 'hunter2'; SELECT 'x'", "SET PASSWORD = '***'; SELECT 'x'"],
    ["SELECT 'password', 'x'", "SELECT 'password', 'x'"],
  ] as const) {
    assert.equal(maskOne(text), becomes);
  }
});

test('several secrets in one argument are masked once each, overlapping ones together', () => {
  assert.equal(maskOne('a://u:p@h?token=x&sig=y'), 'a://u:***@h?token=***&sig=***');
  assert.equal(maskOne('--password=ghp_0123456789abcdefghij0123456789'), '--password=***');
  assert.equal(
    maskOne('Authorization: Bearer ghp_0123456789abcdefghij0123456789 x'),
    'Authorization: Bearer ***',
  );
});
