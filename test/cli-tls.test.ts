// The command line and an agent that asks for certificates: who gets in, and what is said to whom who does not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { EventJson } from '../src/api/index.ts';
import {
  type Authority,
  makeAuthority,
  NO_OPENSSL,
  tempDirectory,
} from '../src/identity/kube/tls.fixture.ts';
import { type RunningAgent, runCognitod, startAgent } from './support/agent.ts';

describe('the command line over TLS', { skip: NO_OPENSSL, timeout: 120_000 }, () => {
  let authority: Authority;
  let agent: RunningAgent;
  const ends: (() => void)[] = [];
  /** As long as all tests of this file. */
  const whole = { after: (end: () => void) => void ends.push(end) } as unknown as TestContext;

  before(async () => {
    authority = makeAuthority(whole);
    const { certFile, keyFile } = authority.issue('agent', 'IP:127.0.0.1');
    agent = await startAgent({
      args: ['--collector', 'procfs'],
      env: {
        COGNITOD_API_TLS_CERT_FILE: certFile,
        COGNITOD_API_TLS_KEY_FILE: keyFile,
        COGNITOD_API_TLS_CLIENT_CA_FILE: authority.caFile,
      },
    });
  });
  after(async () => {
    await agent?.stop();
    for (const end of ends) end();
  });

  const cognitod = (args: string[], env: Record<string, string> = {}) =>
    runCognitod([...args, '--api', agent.api], { env });
  const shown = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => [
    ...['--ca-file', authority.caFile],
    ...['--cert-file', certFile, '--key-file', keyFile],
  ];
  const refused = async (args: string[], code: number, says: RegExp, api = agent.api) => {
    const ended = await runCognitod(['status', ...args, '--api', api]);
    assert.deepEqual([ended.code, ended.stdout], [code, ''], ended.stderr);
    assert.match(ended.stderr, says);
    assert.doesNotMatch(ended.stderr, /PRIVATE KEY|at .*\.ts/);
  };

  test('a certificate opens ps, top and the stream, from options or the environment', async () => {
    const me = authority.issue('me', 'DNS:me');
    assert.match(agent.api, /^https:/);
    const ps = await cognitod(['ps', '--json', '--pid', String(agent.pid), ...shown(me)]);
    assert.equal(JSON.parse(ps.stdout).processes[0].pid, agent.pid, ps.stderr);
    const env = {
      COGNITOD_CA_FILE: authority.caFile,
      COGNITOD_CERT_FILE: me.certFile,
      COGNITOD_KEY_FILE: me.keyFile,
    };
    const top = await cognitod(['top', '--once'], env);
    assert.deepEqual([top.code, top.stderr], [0, '']);
    assert.match(top.stdout, /ledger/);
    // What is seen of others' processes is up to the machine: this one makes its own.
    const stream = cognitod(['stream', '--json', '--type', 'exit', '--count', '1'], env);
    let ended = false;
    void stream.then(() => {
      ended = true;
    });
    while (!ended) await runCognitod(['version']);
    const { stdout, code } = await stream;
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as EventJson).type, 'exit');
  });

  test('an agent of an unknown authority, or of another name, is not asked', async () => {
    const stranger = makeAuthority(whole);
    await refused([], 4, /its certificate is of an authority that is not trusted \(--ca-file\)/);
    await refused(['--ca-file', stranger.caFile], 4, /of an authority that is not trusted \(--ca-file\)/);
    const byName = agent.api.replace('127.0.0.1', 'localhost');
    const otherName = /its certificate is for IP Address:127\.0\.0\.1, not for localhost: use one of these/;
    await refused(['--ca-file', authority.caFile], 4, otherName, byName);
    const plain = agent.ops.replace('http:', 'https:');
    await refused(
      ['--ca-file', authority.caFile],
      4,
      /does not speak TLS: http:\/\/ instead of https/,
      plain,
    );
  });

  test('without a certificate, or with one that the agent does not trust, it says what is wanted', async () => {
    await refused(
      ['--ca-file', authority.caFile],
      5,
      /refuses: .*show a client certificate\ncognitod: .*or a certificate: --cert-file, --key-file/,
    );
    const foreign = makeAuthority(whole).issue('me', 'DNS:me');
    await refused(
      shown(foreign),
      5,
      /it does not trust the certificate of --cert-file: .*api\.tls\.client_ca_file/,
    );
  });

  test('what stands in front of an agent may refuse the connection itself', async (t) => {
    const { cert, key } = authority.issue('proxy', 'IP:127.0.0.1');
    const options = { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: true };
    const proxy = createServer(options, (_request, response) => response.end());
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      proxy.close();
      proxy.closeAllConnections();
    });
    const address = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await refused(['--ca-file', authority.caFile], 4, /it wants a client certificate \(--cert-file/, address);
    const foreign = makeAuthority(whole).issue('me', 'DNS:me');
    await refused(shown(foreign), 4, /was cut, perhaps for the certificate that was shown/, address);
  });

  test('files that cannot be used are told before anything is sent', async (t) => {
    const me = authority.issue('me', 'DNS:me');
    const other = authority.issue('other', 'DNS:other');
    const broken = join(tempDirectory(t), 'broken.pem');
    writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const cases: [string[], RegExp][] = [
      [['--ca-file', '/nonexistent/ca.pem'], /ca\.pem cannot be read: ENOENT.*\n.*--ca-file, or COGNITOD_CA/],
      [['--ca-file', me.keyFile], /me\.key has no certificate in PEM/],
      [
        ['--cert-file', me.certFile],
        /a certificate is given, but no key\n.*--key-file, or COGNITOD_KEY_FILE/,
      ],
      [['--key-file', me.keyFile], /a key is given, but no certificate\n.*--cert-file, or COGNITOD_CERT/],
      [shown({ ...me, certFile: '/nonexistent/me.pem' }), /\/nonexistent\/me\.pem cannot be read: ENOENT/],
      [shown({ ...me, keyFile: me.certFile }), /me\.crt has no private key in PEM/],
      [shown({ ...me, certFile: broken }), /broken\.pem has no certificate that can be read/],
      [shown({ ...me, keyFile: other.keyFile }), /other\.key is not the key of the certificate in .*me\.crt/],
    ];
    for (const [args, says] of cases) await refused(args, 2, says);
    const plain = 'http://127.0.0.1:9';
    await refused(shown(me), 2, /over TLS only, and http:\/\/127\.0\.0\.1:9\/ is without/, plain);
  });
});
