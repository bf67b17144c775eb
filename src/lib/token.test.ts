// The tokens of the API: where they come from, what is none, and files that change.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadConfig } from './config/load.ts';
import { checkToken, openTokens } from './token.ts';

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'cognitod-token-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function open(api: Record<string, string>, warn = (_text: string) => {}, nowMs = () => 0) {
  const env = Object.fromEntries(
    Object.entries(api).map(([key, value]) => [`COGNITOD_API_${key.toUpperCase()}`, value]),
  );
  return openTokens(loadConfig({ env }).config, warn, nowMs);
}

test('tokens come from the configuration or from files; a file counts more', (t) => {
  assert.equal(open({}), null);
  const file = join(directory(t), 'admin');
  writeFileSync(file, 'of-the-file\n');
  const tokens = open({ token: 'r', admin_token: 'of-the-configuration', admin_token_file: file });
  assert.equal(tokens?.read?.(), 'r');
  assert.equal(tokens?.admin?.(), 'of-the-file');
  assert.equal(open({ admin_token: 'a' })?.read, null);
});

test('what is no token is refused at the start, and never shown', (t) => {
  const file = join(directory(t), 'token');
  const unreadable = { code: 'TOKEN_UNREADABLE' };
  assert.throws(() => open({ token_file: file }), { ...unreadable, hint: 'api.token_file names it' });
  for (const content of ['', ' \n', 'hunter2\nhunter2', 'hunter2 x', 'hunter\u00e9']) {
    writeFileSync(file, content);
    assert.throws(() => open({ admin_token_file: file }), unreadable, JSON.stringify(content));
    assert.throws(() => open({ admin_token_file: file }), { message: /^(?!.*hunter)/ });
  }
  assert.throws(() => open({ token: 'two words' }), { ...unreadable, message: /^api\.token holds no token/ });
});

test('blanks and line ends around a token do not belong to it, wherever it comes from', (t) => {
  const file = join(directory(t), 'token');
  for (const text of ['secret\n', ' secret ', '\tsecret\r\n\n']) {
    writeFileSync(file, text);
    assert.equal(open({ token: text })?.read?.(), 'secret', JSON.stringify(text));
    assert.equal(open({ admin_token: text })?.admin?.(), 'secret', JSON.stringify(text));
    assert.equal(open({ token_file: file })?.read?.(), 'secret', JSON.stringify(text));
    assert.equal(checkToken(text, 'x'), 'secret');
  }
  assert.throws(() => open({ token: 'same\n', admin_token: 'same' }), { code: 'CONFIG_INVALID' });
  for (const blank of [' ', '\n']) assert.throws(() => open({ token: blank }), /api\.token is empty/);
});

test('one token for both is refused: whoever may look could do everything', () => {
  assert.throws(() => open({ token: 'same', admin_token: 'same' }), { code: 'CONFIG_INVALID' });
});

test('a Secret that Kubernetes replaces is followed without a restart', (t) => {
  const mount = directory(t);
  // As the kubelet does it: the file is a link through `..data`, which is renamed over.
  const replace = (version: string, content: string) => {
    mkdirSync(join(mount, version));
    writeFileSync(join(mount, version, 'token'), content);
    symlinkSync(version, join(mount, '..new'));
    renameSync(join(mount, '..new'), join(mount, '..data'));
  };
  replace('1', 'first');
  symlinkSync('..data/token', join(mount, 'token'));
  let now = 0;
  const warnings: string[] = [];
  const tokens = open(
    { token_file: join(mount, 'token') },
    (text) => warnings.push(text),
    () => now,
  );
  replace('2', 'second');
  assert.equal(tokens?.read?.(), 'first');
  now = 1_000;
  assert.equal(tokens?.read?.(), 'second');
  replace('3', '');
  for (now = 2_000; now < 5_000; now += 500) assert.equal(tokens?.read?.(), 'second');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /is empty; the token before stays valid$/);
  replace('4', 'fourth');
  now = 6_000;
  assert.equal(tokens?.read?.(), 'fourth');
});
