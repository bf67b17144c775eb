// The files of the dashboard over HTTP: types, caching, compression, policy, and no way out of them.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import type { ApiTokens } from '../../lib/token.ts';
import { accessGuard } from '../../http/access.ts';
import { createHttpApp } from '../../http/http-app.ts';
import { addWebFiles, bestEncoding, readWebFiles } from './web-files.ts';

const directory = mkdtempSync(join(tmpdir(), 'cognitod-web-files-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const PAGE = '<!doctype html><title>cognitod</title>';
const SCRIPT = 'console.log("the dashboard");'.repeat(50);
mkdirSync(join(directory, 'assets'));
writeFileSync(join(directory, 'index.html'), PAGE);
writeFileSync(join(directory, 'assets/index-A1b2C3d4.js'), SCRIPT);
writeFileSync(join(directory, 'assets/index-A1b2C3d4.js.gz'), gzipSync(SCRIPT));
writeFileSync(join(directory, 'assets/index-A1b2C3d4.js.br'), brotliCompressSync(SCRIPT));
writeFileSync(join(directory, 'assets/licenses.txt'), 'licences');
writeFileSync(join(directory, 'assets/other.exe'), 'of a type that nobody knows');
writeFileSync(join(directory, 'secret.txt'), 'not an asset');
symlinkSync('/etc/passwd', join(directory, 'assets/passwd'));

function appOf(path: string, tokens: ApiTokens | null = null) {
  const guard = accessGuard({ tokens, clientCertificates: null, peers: new WeakMap() });
  const { app } = createHttpApp({ error: () => {} }, { guard });
  addWebFiles(app, readWebFiles(path));
  return app;
}
const app = appOf(directory);
const SCRIPT_URL = '/assets/index-A1b2C3d4.js';

test('the page is asked for again, what has a hash in its name is kept for ever', async () => {
  const page = await app.inject('/');
  assert.equal(page.body, PAGE);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(page.headers['cache-control'], 'no-cache');
  const script = await app.inject(SCRIPT_URL);
  assert.equal(script.body, SCRIPT);
  assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal((await app.inject('/assets/licenses.txt')).headers['cache-control'], 'no-cache');
});

test('each answer forbids inline scripts, other places and HTML made of texts', async () => {
  for (const url of ['/', SCRIPT_URL]) {
    const { headers } = await app.inject(url);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'$/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
  }
});

test('the smallest encoding that the client takes is sent', async () => {
  const ask = (accept: string) => app.inject({ url: SCRIPT_URL, headers: { 'accept-encoding': accept } });
  const brotli = await ask('gzip, deflate, br');
  assert.equal(brotli.headers['content-encoding'], 'br');
  assert.equal(brotliDecompressSync(brotli.rawPayload).toString(), SCRIPT);
  assert.equal(brotli.headers.vary, 'accept-encoding');
  const gzip = await ask('gzip;q=1.0, br;q=0');
  assert.equal(gzip.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(gzip.rawPayload).toString(), SCRIPT);
  for (const accept of ['', 'identity', 'zstd', 'br;q=0, *;q=0']) {
    const plain = await ask(accept);
    assert.equal(plain.headers['content-encoding'], undefined, accept);
    assert.equal(plain.body, SCRIPT);
  }
  const bodies = { identity: Buffer.alloc(1), br: Buffer.alloc(1) };
  assert.equal(bestEncoding('*', { bodies }), 'br');
  assert.equal(bestEncoding('gzip', { bodies }), 'identity');
});

test('what a client has already is not sent again; each encoding has its own tag', async () => {
  const brotli = await app.inject({ url: SCRIPT_URL, headers: { 'accept-encoding': 'br' } });
  const plain = await app.inject(SCRIPT_URL);
  assert.notEqual(brotli.headers.etag, plain.headers.etag);
  for (const tag of [plain.headers.etag!, `W/${plain.headers.etag}`, `"other", ${plain.headers.etag}`, '*']) {
    const again = await app.inject({ url: SCRIPT_URL, headers: { 'if-none-match': String(tag) } });
    assert.equal(again.statusCode, 304, String(tag));
    assert.equal(again.body, '');
  }
  const changed = await app.inject({ url: SCRIPT_URL, headers: { 'if-none-match': '"other"' } });
  assert.equal(changed.statusCode, 200);
});

test('only what is known is served, however it is asked for', async () => {
  const refused = [
    '/secret.txt',
    '/assets/../secret.txt',
    '/assets/..%2fsecret.txt',
    '/assets/%2e%2e/secret.txt',
    '/assets/passwd',
    '/assets/other.exe',
    '/assets/index-A1b2C3d4.js.br',
    '/assets/',
    '/assets',
    '/index.html',
    '//etc/passwd',
  ];
  for (const url of refused) assert.equal((await app.inject(url)).statusCode, 404, url);
  assert.equal((await app.inject({ url: '/', method: 'POST' })).statusCode, 405);
  assert.equal((await app.inject({ url: SCRIPT_URL, method: 'HEAD' })).body, '');
});

test('the files are open where a token is needed, but not to another name of this machine', async () => {
  const withToken = appOf(directory, { read: () => 'token', admin: null });
  assert.equal((await withToken.inject('/')).statusCode, 200);
  assert.equal((await withToken.inject(SCRIPT_URL)).statusCode, 200);
  const rebound = await app.inject({ url: '/', headers: { host: 'evil.example' } });
  assert.equal(rebound.json().code, 'HOST_REFUSED');
});

test('without a build the page says how to get one', async () => {
  const answer = await appOf(join(directory, 'nowhere')).inject('/');
  assert.equal(answer.statusCode, 503);
  assert.match(answer.body, /make web/);
  assert.match(String(answer.headers['content-security-policy']), /default-src 'none'/);
});
