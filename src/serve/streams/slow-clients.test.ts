// Two hundred clients that do not read: what they may cost, and that nobody else pays for it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gapSchema } from '../../api/index.ts';
import { createApiServer } from '../api-server.ts';
import { apply, exit, FakeAgent, streamSettings } from '../fake-agent.fixture.ts';
import { openSilent, positionOf, readStream, type StreamReader, startReading } from '../stream.fixture.ts';

const SLOW = 200;
const FAST = 5;
const TOTAL = 16 << 20;
const HOST = '127.0.0.1';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What the kernel keeps for all TCP sockets of this network namespace. */
function kernelTcpBytes(): number {
  const pages = /^TCP: .* mem (\d+)$/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))![1];
  return Number(pages) * 4096;
}

/** Received and lost add up to what was published, and each gap stands where the events are missing. */
function isAccountedFor(reader: StreamReader, published: number): boolean {
  let last = 0;
  for (const message of reader.messages) {
    if (message.event === 'gap') last += gapSchema.parse(JSON.parse(message.data)).lost!;
    else if (message.event === 'exit') assert.equal(positionOf(message), ++last);
  }
  return last === published;
}

test('200 clients that do not read: memory is bounded, fast ones get every event, each event is accounted for', async (t) => {
  const agent = new FakeAgent();
  const server = createApiServer({
    listen: { host: HOST, port: 0 },
    tokens: null,
    view: agent,
    log: { error: () => {} },
    streams: { ...streamSettings, maxClients: SLOW + FAST, queueBytes: 8 << 20, totalQueueBytes: TOTAL },
    closeTimeoutMs: 500,
  });
  const { url, port } = await server.listen();
  const slow = await Promise.all(
    Array.from({ length: SLOW }, () => openSilent(HOST, port, '/api/v1/events')),
  );
  t.after(() => {
    for (const socket of slow) socket.destroy();
    return server.close();
  });
  for (const socket of slow) socket.on('error', () => {});
  const fast = await Promise.all(Array.from({ length: FAST }, () => readStream(`${url}/api/v1/events`)));
  while (server.streams().clients < SLOW + FAST) await turn();
  const kernelBefore = kernelTcpBytes();
  let published = 0;
  let highest = 0;
  let highestInKernel = 0;
  // As the agent does it: small batches, and a burst now and then.
  for (let round = 0; round < 400; round++) {
    const count = round % 50 === 49 ? 1000 : 50;
    agent.bus.publish(Array.from({ length: count }, () => apply(exit({ pid: 7 }), ++published)));
    highest = Math.max(highest, server.streams().queuedBytes);
    if (round % 20 === 0) highestInKernel = Math.max(highestInKernel, kernelTcpBytes() - kernelBefore);
    // They read as fast as this process lets them: it is theirs as well.
    for (const target = published - 200; fast.some(({ messages }) => messages.length < target); ) {
      assert.ok(
        fast.every((reader) => reader.named('gap').length === 0),
        'a fast client lost events',
      );
      await turn();
    }
  }
  for (const reader of fast) {
    await reader.until(() => reader.named('exit').length === published);
    assert.equal(reader.named('gap').length, 0);
  }
  // What the sockets were given: a slice on top of what they may have ahead of the kernel.
  const inSockets = 3 * 32_768;
  assert.ok(highest <= TOTAL + (SLOW + FAST) * inSockets, `${highest} bytes were queued`);
  assert.ok(server.streams().lost > SLOW * 1000, 'the slow ones lost most');
  t.diagnostic(
    `${published} events; at most ${highest} bytes in user space, ${highestInKernel} in the kernel`,
  );
  // Those that read again are told everything.
  for (const socket of slow.slice(0, 3)) {
    const reader = startReading(socket);
    await reader.until(() => isAccountedFor(reader, published));
  }
  for (const reader of fast) reader.close();
});
