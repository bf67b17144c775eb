// Who makes room when there are too many connections, and that the newest is always let in.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { Connections } from './connections.ts';

/** A socket without a network. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly name: string;
  isCut = false;

  constructor(name: string, remoteAddress?: string, remotePort?: number) {
    super();
    this.name = name;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.isCut = true;
    this.emit('close');
  }
}

function stage(max: number) {
  const connections = new Connections(max);
  const sockets: FakeSocket[] = [];
  const open = (name: string, address: string | undefined = '10.0.0.1') => {
    const socket = new FakeSocket(name, address, address === undefined ? undefined : 1000 + sockets.length);
    sockets.push(socket);
    connections.add(socket as unknown as Socket);
    return socket;
  };
  /** A request of which the body has come or has not; returns what ends its answer. */
  const ask = (socket: FakeSocket, complete = true) => {
    let done = () => {};
    // With TLS the socket of a request is another one with the same far end.
    const { remoteAddress, remotePort } = socket;
    const request = { socket: remotePort === undefined ? socket : { remoteAddress, remotePort }, complete };
    connections.answer(request as unknown as IncomingMessage, (closed) => {
      done = closed;
    });
    return { end: () => done(), keep: () => connections.keep(request as unknown as IncomingMessage) };
  };
  const cut = () => sockets.filter(({ isCut }) => isCut).map(({ name }) => name);
  return { connections, open, ask, cut };
}

test('the oldest without a whole request makes room, then the oldest of those that are answered', () => {
  const { open, ask, cut, connections } = stage(4);
  ask(open('answered'));
  ask(open('half a body'), false);
  const idle = ask(open('idle'));
  open('silent');
  idle.end();
  for (const more of ['a', 'b', 'c']) ask(open(more));
  assert.deepEqual(cut(), ['half a body', 'idle', 'silent']);
  open('d');
  assert.deepEqual(cut().sort(), ['answered', 'half a body', 'idle', 'silent']);
  assert.deepEqual([connections.size, connections.cut], [4, 4]);
});

test('the peer with the most connections makes room, not the others', () => {
  const { open, cut } = stage(5);
  open('kubelet', '10.0.0.9');
  for (const name of ['a', 'b', 'c']) open(name, '2001:db8::1');
  open('other address of the same network', '2001:db8::2');
  for (let count = 0; count < 3; count++) open(`more ${count}`, '2001:db8::3');
  assert.deepEqual(cut(), ['a', 'b', 'c']);
});

test('streams do not count and are not cut', () => {
  const { open, ask, cut, connections } = stage(2);
  for (const name of ['s1', 's2', 's3']) ask(open(name)).keep();
  open('a');
  open('b');
  assert.deepEqual([cut(), connections.size], [[], 2]);
  open('c', undefined);
  assert.deepEqual(cut(), ['a']);
});

test('whatever comes and goes, the newest stays and the bound holds', () => {
  const step = fc.record({
    peer: fc.constantFrom('10.0.0.1', '10.0.0.2', 'unix'),
    next: fc.constantFrom('nothing', 'ask', 'half', 'stream', 'close'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, max) => {
      const { open, ask, connections } = stage(max);
      for (const { peer, next } of steps) {
        const socket = open('', peer === 'unix' ? undefined : peer);
        assert.equal(socket.isCut, false);
        assert.ok(connections.size <= max);
        if (next === 'close') socket.emit('close');
        else if (next === 'stream') ask(socket).keep();
        else if (next !== 'nothing') ask(socket, next === 'ask');
      }
    }),
  );
});
