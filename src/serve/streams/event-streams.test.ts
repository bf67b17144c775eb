// Delivery of batches: filters, sharing of text, and work only while somebody listens.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventQuery } from '../../api/index.ts';
import { BacklogPump } from '../../http/backlog-pump.ts';
import { EventStreams } from './event-streams.ts';
import {
  apply,
  exec,
  exit,
  FakeAgent,
  fork,
  noStreams,
  podIdentity,
  streamSettings,
} from '../fake-agent.fixture.ts';
import { StreamClients } from '../../http/stream-clients.ts';

/** Takes everything at once. */
class OpenSocket {
  readonly writableLength = 0;
  text = '';
  writes = 0;

  write(chunk: Buffer | string): void {
    this.text += chunk.toString();
    this.writes++;
  }

  get seqs(): number[] {
    return [...this.text.matchAll(/^id: c0ffee00-(\d+)\nevent: (?!ready)/gm)].map((match) =>
      Number(match[1]),
    );
  }
}

function setUp() {
  const { bus, model } = new FakeAgent();
  let timesAsked = 0;
  const counting = {
    bootId: model.bootId,
    ktimeOf: (realtimeNs: bigint) => model.ktimeOf(realtimeNs),
    timeOf: (ktimeNs: bigint) => {
      timesAsked++;
      return model.timeOf(ktimeNs);
    },
  };
  const streams = new EventStreams({
    bus,
    model: counting,
    clients: new StreamClients({ ...streamSettings, heartbeatMs: 60_000 }),
    pump: new BacklogPump(),
    run: RUN,
    replay: { events: 0, bytes: 0 },
    lingerMs: 0,
    now: () => 'now',
  });
  const join = (query: EventQuery) => {
    const socket = new OpenSocket();
    return { socket, client: streams.add(query, socket) };
  };
  return { bus, streams, join, encoded: () => timesAsked };
}

const RUN = 'c0ffee00';
const identity = podIdentity('1234-abcd', `e1${'f'.repeat(62)}`);
const batch = [
  apply(fork({ pid: 10 }), 1),
  apply(exec({ pid: 10, comm: 'make', uid: 0 }), 2),
  apply(exit({ pid: 10 }), 3),
  apply(fork({ pid: 11 }), 4, { identity }),
  apply(exit({ pid: 11, uid: 0 }), 5, { identity }),
];

test('every given filter must match', () => {
  const cases: [EventQuery, number[]][] = [
    [{}, [1, 2, 3, 4, 5]],
    [{ type: 'fork,exit' }, [1, 3, 4, 5]],
    [{ pod: '1234' }, [4, 5]],
    [{ pod: '234' }, []],
    [{ container: 'e1f' }, [4, 5]],
    [{ uid: 0 }, [2, 5]],
    [{ comm: 'make' }, [2]],
    [{ pid: 10, type: 'exit' }, [3]],
    [{ pod: '1234-abcd', uid: 0, type: 'exit' }, [5]],
  ];
  const { bus, join, streams } = setUp();
  for (const [query, expected] of cases) {
    const { socket, client } = join(query);
    bus.publish(batch);
    assert.deepEqual(socket.seqs, expected, JSON.stringify(query));
    streams.remove(client);
  }
});

test('an event becomes text once for all clients, and only when a filter lets it through', () => {
  const { bus, join, encoded } = setUp();
  join({});
  join({});
  join({ type: 'exit' });
  join({ type: 'exec,exit' });
  bus.publish(batch);
  assert.equal(encoded(), batch.length);
  const narrow = setUp();
  narrow.join({ comm: 'make' });
  narrow.bus.publish(batch);
  assert.equal(narrow.encoded(), 1);
});

test('a batch is one write for each client', () => {
  const { bus, join } = setUp();
  const { socket } = join({});
  bus.publish(batch);
  assert.equal(socket.writes, 2, 'ready and the batch');
});

test('without a replay the bus is subscribed to only while there are clients', () => {
  const { bus, join, streams, encoded } = setUp();
  bus.publish(batch);
  assert.equal(bus.subscribers, 0);
  const first = join({});
  const second = join({ pid: 1 });
  assert.equal(bus.subscribers, 1);
  streams.remove(first.client);
  streams.remove(first.client);
  assert.equal(bus.subscribers, 1);
  streams.remove(second.client);
  assert.equal(bus.subscribers, 0);
  assert.equal(encoded(), 0);
});

test('a client may leave while others get a batch, and figures go on counting', () => {
  const { bus, join, streams } = setUp();
  const { client } = join({});
  join({});
  bus.publish(batch);
  streams.remove(client);
  bus.publish(batch);
  assert.deepEqual(streams.stats(), { ...noStreams, clients: 1, sent: 15 });
});
