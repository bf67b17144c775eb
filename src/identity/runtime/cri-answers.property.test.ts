// Answers of a runtime that are any bytes at all: read, or a failure with a reason; afterwards the source goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { connectCri } from './cri-client.ts';
import { RuntimeFailure } from './runtime-client.ts';

const METHODS = ['Version', 'ListContainers', 'ListPodSandbox', 'ContainerStatus'] as const;
type Method = (typeof METHODS)[number];

const asIs = (bytes: Buffer) => bytes;

/** A field of the wire format: a number and a value of one of its types, or of none. */
const field = fc.letrec<{ field: Buffer; message: Buffer }>((tie) => ({
  field: fc
    .tuple(
      fc.integer({ min: 0, max: 20 }),
      fc.oneof(fc.uint8Array({ maxLength: 12 }), tie('message')),
      fc.nat(7),
    )
    .map(([number, bytes, type]) =>
      Buffer.from(type > 3 ? [(number << 3) | 2, bytes.length, ...bytes] : [(number << 3) | type, ...bytes]),
    ),
  message: fc.array(tie('field'), { maxLength: 4 }).map((fields) => Buffer.concat(fields).subarray(0, 100)),
})).message;

test('no bytes make the client fail with anything but a reason', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-cri-'));
  const socket = join(directory, 'cri.sock');
  let answers: Record<Method, Buffer>;
  const server = new Server();
  server.addService(
    Object.fromEntries(
      METHODS.map((name) => [
        name,
        {
          path: `/runtime.v1.RuntimeService/${name}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: asIs,
          requestDeserialize: asIs,
          responseSerialize: asIs,
          responseDeserialize: asIs,
        },
      ]),
    ),
    Object.fromEntries(
      METHODS.map((name) => [
        name,
        (_: unknown, done: (error: null, answer: Buffer) => void) => done(null, answers[name]),
      ]),
    ),
  );
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  const client = await connectCri(socket, { onRequest: () => {}, timeoutMs: 20_000, labels: ['*'] });
  t.after(() => {
    client.close();
    server.forceShutdown();
    rmSync(directory, { recursive: true });
  });
  const seen = { read: 0, refused: 0 };
  const ask = async (question: () => Promise<unknown>) => {
    try {
      JSON.stringify(await question());
      seen.read++;
    } catch (error) {
      assert.ok(error instanceof RuntimeFailure, `${(error as Error).stack}`);
      assert.ok(error.message.length < 2000);
      seen.refused++;
    }
  };
  const bytes = fc.oneof(
    field,
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, bytes, bytes, async (containers, sandboxes, status) => {
      answers = {
        Version: status,
        ListContainers: containers,
        ListPodSandbox: sandboxes,
        ContainerStatus: status,
      };
      await ask(() => client.list());
      await ask(() => client.inspect('c1'));
      await ask(() => client.version());
    }),
    { numRuns: 400, seed: 20_261_201 },
  );
  assert.ok(seen.read > 100 && seen.refused > 100, JSON.stringify(seen));
});
