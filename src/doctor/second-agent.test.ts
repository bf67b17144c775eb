import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleStatus } from '../cli/fake-agent.fixture.ts';
import { lockFile } from '../os/index.ts';
import { isAgent } from './agent-processes.ts';
import { AGENT, BOOT_ID, type FakeNode, fakeNode, find, NO_AGENT } from './fake-node.fixture.ts';
import { secondAgent } from './second-agent.ts';

const SIDECAR = { ...AGENT, nsPids: [6000, 12] };
/** The first process of its container, which shares its pid namespace with nobody. */
const ALONE = { ...AGENT, nsPids: [4321, 1] };
const status = sampleStatus({ pid: 1, boot_id: BOOT_ID });

async function seen(node: FakeNode, options: Parameters<FakeNode['surroundings']>[0] = {}): Promise<string> {
  const { result, reason } = await find(secondAgent, node.surroundings(options));
  return `${result}: ${reason.replaceAll(node.directory, 'DIR')}`;
}

test('an agent is known by its command line', () => {
  const line = (text: string) => isAgent(text.split(' '));
  assert.equal(line('/opt/cognitod/bin/node --x /opt/cognitod/bin/cognitod agent --json'), true);
  assert.equal(line('/opt/cognitod/bin/node --x /opt/cognitod/dist/main.js agent'), true);
  assert.equal(line('/x/node --y /x/src/main.ts agent'), true);
  for (const other of [
    '/opt/cognitod/bin/node /opt/cognitod/bin/cognitod doctor',
    '/opt/cognitod/bin/node /opt/cognitod/bin/cognitod agent --check-config',
    'grep agent /opt/cognitod/bin/cognitod.log',
    'node server.js agent',
    'node /srv/shop/dist/main.js agent',
  ])
    assert.equal(line(other), false, other);
});

test('beside a running agent: none, a second one, sidecars', async (t) => {
  const node = fakeNode(t);
  node.process(4321, ALONE);
  const beside = { agent: NO_AGENT, status };
  assert.equal(await seen(node, beside), 'ok: no other in DIR/proc');
  node.process(6000, SIDECAR);
  assert.equal(await seen(node, beside), 'ok: no other in DIR/proc; 1 sidecars, which see their own pods');
  node.process(5000, { ...AGENT, nsPids: [5000] });
  assert.match(await seen(node, beside), /^warn: besides it there is process 5000; 1 sidecars/);
  // Something that only has the words in its command line.
  node.process(7000, { ...AGENT, comm: 'grep', nsPids: [7000] });
  assert.match(await seen(node, beside), /^warn: besides it there is process 5000; /);
});

test('before the installation: an agent that runs already', async (t) => {
  const node = fakeNode(t);
  assert.equal(await seen(node), 'ok: none in DIR/proc; its addresses are free');
  node.process(4321, { ...AGENT, nsPids: [4321] });
  assert.equal(await seen(node), 'warn: an agent runs here already: process 4321');
});

test('before the installation: an address that is taken', async (t) => {
  const node = fakeNode(t);
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { COGNITOD_OPS_LISTEN: address };
  assert.equal(await seen(node, { env }), `fail: ${address} (ops.listen) is taken`);
  node.process(4321, { ...AGENT, nsPids: [4321] });
  assert.equal(
    await seen(node, { env }),
    `fail: ${address} (ops.listen) is taken; an agent runs here already: process 4321`,
  );
});

test('before the installation: the evidence is written by another', async (t) => {
  const node = fakeNode(t);
  node.write('state/evidence.jsonl', '');
  const env = { COGNITOD_EVIDENCE_DIRECTORY: join(node.directory, 'state') };
  assert.match(await seen(node, { env }), /^ok:/);
  const fd = openSync(join(node.directory, 'state/evidence.jsonl'), 'r+');
  try {
    assert.equal(lockFile(fd), true);
    assert.equal(await seen(node, { env }), 'fail: another agent writes the evidence in DIR/state');
  } finally {
    closeSync(fd);
  }
});
