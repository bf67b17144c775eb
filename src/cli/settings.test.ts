// Where the client looks for the agent and its token.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { documents, fakeAgent, run, sampleStatus } from './fake-agent.fixture.ts';
import { clientSettings } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'cognitod-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const config = file(
  'config.yaml',
  `api:\n  listen: 10.0.0.3:3003\n  token_file: ${file('configured-token', 'from-configuration\n')}\n`,
);
const tokenFile = file('token', '  from-flag\n');

async function settings(options: Parameters<typeof clientSettings>[0], env: Record<string, string> = {}) {
  const { api, token } = await clientSettings(options, env);
  return [api.href, token];
}

test('a flag goes before the environment, that before the configuration, that before the default', async () => {
  const env = { COGNITOD_API: '10.0.0.2:3002', COGNITOD_TOKEN: 'from-environment', COGNITOD_CONFIG: config };
  assert.deepEqual(await settings({ api: 'http://10.0.0.1:3001', tokenFile }, env), [
    'http://10.0.0.1:3001/',
    'from-flag',
  ]);
  assert.deepEqual(await settings({}, env), ['http://10.0.0.2:3002/', 'from-environment']);
  assert.deepEqual(await settings({}, { COGNITOD_CONFIG: config }), [
    'http://10.0.0.3:3003/',
    'from-configuration',
  ]);
  assert.deepEqual(await settings({ config }), ['http://10.0.0.3:3003/', 'from-configuration']);
  assert.deepEqual(await settings({}), ['http://127.0.0.1:3000/', null]);
});

test('empty variables are like none', async () => {
  const env = { COGNITOD_API: '', COGNITOD_TOKEN: '', COGNITOD_CONFIG: '', COGNITOD_API_LISTEN: '' };
  assert.deepEqual(await settings({}, env), ['http://127.0.0.1:3000/', null]);
});

test("where the agent's own settings are in the environment, as in its pod, no flag is needed", async () => {
  assert.deepEqual(await settings({}, { COGNITOD_API_LISTEN: '0.0.0.0:3100', COGNITOD_API_TOKEN: 'abc' }), [
    'http://127.0.0.1:3100/',
    'abc',
  ]);
  assert.deepEqual(await settings({}, { COGNITOD_API_LISTEN: '[::]:3100' }), ['http://[::1]:3100/', null]);
  const adminOnly = { COGNITOD_API_ADMIN_TOKEN: 'admin' };
  assert.deepEqual(await settings({}, adminOnly), ['http://127.0.0.1:3000/', 'admin']);
  assert.equal((await settings({}, { ...adminOnly, COGNITOD_API_TOKEN: 'abc' }))[1], 'abc');
});

test('an address may lack its scheme, or its port too', async () => {
  for (const [text, href] of [
    ['localhost:4000', 'http://localhost:4000/'],
    ['localhost', 'http://localhost:3000/'],
    ['node-1:80', 'http://node-1/'],
    ['[::1]:4000', 'http://[::1]:4000/'],
    ['[::1]', 'http://[::1]:3000/'],
    ['http://node-1', 'http://node-1/'],
    ['https://node-1/agents/7', 'https://node-1/agents/7'],
  ] as const) {
    assert.deepEqual(await settings({ api: text }), [href, null]);
  }
});

test('what is no address is a usage error that shows one', async () => {
  for (const api of [
    '',
    'http://',
    'a b',
    'ftp://node-1',
    'unix:///run/x',
    'node-1:99999',
    'http://node-1/?a=b',
  ]) {
    const { code, stderr } = await run(['status', '--api', api]);
    assert.equal(code, 2, api);
    assert.match(
      stderr,
      /is no address of an agent\ncognitod: it should look like http:\/\/127\.0\.0\.1:3000/,
    );
  }
});

test('the token is sent as a bearer token, and nothing when there is none', async (t) => {
  const { api, requests } = await fakeAgent(t, documents({ '/api/v1/status': sampleStatus() }));
  await run(['status', '--api', api, '--token-file', tokenFile]);
  await run(['status', '--api', api]);
  await run(['status'], { env: { COGNITOD_API: api, COGNITOD_TOKEN: 'abc\n' } });
  assert.deepEqual(
    requests.map((request) => request.headers.authorization),
    ['Bearer from-flag', undefined, 'Bearer abc'],
  );
});

test('a token file that gives none is an error that does not show what it holds', async () => {
  for (const [path, says] of [
    [join(folder, 'missing'), /cannot be read: ENOENT/],
    [file('empty', ' \n'), /is empty/],
    [file('two-lines', 'topsecret\nmore'), /holds no token: it has several lines/],
    [file('binary', 'topsecret\u0000'), /holds no token/],
  ] as const) {
    const { code, stderr } = await run(['status', '--token-file', path]);
    assert.equal(code, 1);
    assert.match(stderr, says);
    assert.ok(!stderr.includes('topsecret'));
  }
});

test('a wrong configuration is told as the agent tells it', async () => {
  const wrong = file('wrong.yaml', 'api:\n  lisen: 1.2.3.4:5\n');
  const { code, stderr } = await run(['status', '--config', wrong]);
  assert.equal(code, 2);
  assert.match(stderr, /wrong\.yaml:2: the key api\.lisen is unknown; the nearest is api\.listen/);
});

test('an agent on a Unix socket is asked by its path, whatever is in it', async (t) => {
  for (const name of ['api.sock', 'with % ? # blanks']) {
    const path = join(folder, name);
    const hosts: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      hosts.push(`${request.headers.host} ${request.url}`);
      documents({ '/api/v1/status': sampleStatus() })(request, response);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    t.after(() => server.close());
    const { code, stdout } = await run(['status', '--json', '--api', `unix:${path}`]);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).node, sampleStatus().node);
    assert.deepEqual(hosts, ['localhost /api/v1/status']);
  }
  const { code, stderr } = await run(['status', '--api', `unix:${folder}/none`]);
  assert.equal(code, 4);
  assert.match(stderr, /the agent at unix:.*\/none does not answer: there is no such socket/);
});

test('where the configuration has a socket that may be used it is, else the address, as https with a certificate', async () => {
  const socket = file('is-there.sock', '');
  const withSocket = file('socket.yaml', `api:\n  socket: ${socket}\n`);
  assert.deepEqual(await settings({ config: withSocket }), [`unix:${socket}`, null]);
  const withTls = file(
    'tls.yaml',
    'api:\n  socket: /nonexistent/s\n  listen: 127.0.0.1:3443\n  tls: { cert_file: /c, key_file: /k }\n',
  );
  assert.deepEqual(await settings({ config: withTls }), ['https://127.0.0.1:3443/', null]);
  const pem = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
  const ca = file('ca.pem', pem);
  assert.equal((await clientSettings({ caFile: ca }, { COGNITOD_CA_FILE: '/other' })).ca, pem);
  await assert.rejects(
    clientSettings({}, { COGNITOD_CA_FILE: '/none/ca.pem' }),
    /\/none\/ca.pem cannot be read/,
  );
});
