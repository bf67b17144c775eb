// The cache of decoded arguments answers only for the very same command.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ArgvCache } from './argv-cache.ts';

test('only the same bytes, count and executable get the kept arguments', () => {
  const cache = new ArgvCache({ slots: 1 });
  const bytes = Buffer.from('ls\0-l\0');
  const argv = ['ls', '-l'];
  cache.put(bytes, 0, 6, 2, '/bin/ls', argv);
  assert.equal(cache.get(Buffer.from('xxls\0-l\0'), 2, 8, 2, '/bin/ls'), argv);
  assert.equal(cache.get(bytes, 0, 6, 3, '/bin/ls'), undefined);
  assert.equal(cache.get(bytes, 0, 6, 2, '/bin/dir'), undefined);
  assert.equal(cache.get(bytes, 0, 5, 2, '/bin/ls'), undefined);
  assert.equal(cache.get(Buffer.from('ls\0-a\0'), 0, 6, 2, '/bin/ls'), undefined);
  assert.throws(() => argv.push('changed'), TypeError);
});

test('the bytes may change after they were put in, and long ones are not kept', () => {
  const cache = new ArgvCache({ maxBytes: 4 });
  const bytes = Buffer.from('abcd');
  cache.put(bytes, 0, 4, 1, 'x', ['abcd']);
  bytes.fill(0);
  assert.equal(cache.get(bytes, 0, 4, 1, 'x'), undefined);
  assert.deepEqual(cache.get(Buffer.from('abcd'), 0, 4, 1, 'x'), ['abcd']);
  cache.put(Buffer.from('abcde'), 0, 5, 1, 'x', ['abcde']);
  assert.equal(cache.get(Buffer.from('abcde'), 0, 5, 1, 'x'), undefined);
});

test('in any order of commands, an answer is always that of the very same command', () => {
  const command = fc.tuple(fc.uint8Array({ maxLength: 6, max: 3 }), fc.nat(2), fc.constantFrom('a', 'b'));
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const cache = new ArgvCache({ slots: 4 });
      for (const [bytes, argc, executable] of commands) {
        const name = JSON.stringify([[...bytes], argc, executable]);
        const known = cache.get(bytes, 0, bytes.length, argc, executable);
        if (known === undefined) cache.put(bytes, 0, bytes.length, argc, executable, [name]);
        else assert.deepEqual(known, [name]);
      }
    }),
  );
});
