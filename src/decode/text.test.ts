// Kernel bytes as text and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { decodeText, encodeText, rawText, readableText, splitArgv, TextCache } from './text.ts';

const decode = (bytes: Uint8Array) => decodeText(bytes, 0, bytes.length);
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Bytes in which the difficult neighbours are frequent: backslashes, hex digits, pieces of UTF-8. */
const trickyBytes = fc
  .array(
    fc.oneof(
      fc
        .constantFrom('\\', 'x', '\\x', '\\x5c', '\\xff', '\\xFF', 'a', '0', 'é', '€', '😀', '\0', '\ufeff')
        .map(utf8),
      fc
        .constantFrom(0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xf8, 0xff)
        .map((b) => Uint8Array.of(b)),
      fc.uint8Array({ maxLength: 12 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

test('any bytes come back from their text', () => {
  fc.assert(
    fc.property(fc.oneof(trickyBytes, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      assert.deepEqual(encodeText(decode(bytes)), bytes);
    }),
    { numRuns: 3000 },
  );
});

test('different bytes have different texts, also across the two ways of writing a byte', () => {
  const texts = [[0xff], [...utf8('\\xff')], [...utf8('\\x5cxff')], [0x5c, 0xff], [...utf8('\\xFF')]].map(
    (bytes) => decode(Uint8Array.from(bytes)),
  );
  assert.deepEqual(texts, ['\\xff', '\\x5cxff', '\\x5cx5cxff', '\\\\xff', '\\x5cxFF']);
  assert.equal(new Set(texts).size, texts.length);
});

test('valid text is what TextDecoder gives', () => {
  const reference = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      fc.pre(text.isWellFormed() && !/\\x[0-9a-f]{2}/i.test(text));
      const bytes = utf8(text);
      assert.equal(decode(bytes), reference.decode(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('a byte is escaped exactly when TextDecoder finds no valid sequence in its place', () => {
  const reference = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const isValid = (bytes: Uint8Array) => {
    try {
      reference.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 4, min: 0x7e }), (bytes) => {
      assert.equal(!decode(bytes).includes('\\x'), isValid(bytes), Buffer.from(bytes).toString('hex'));
    }),
    { numRuns: 20_000 },
  );
});

for (const [what, bytes, text] of [
  ['a lone continuation byte', [0x61, 0x80, 0x62], 'a\\x80b'],
  ['an overlong slash', [0xc0, 0xaf], '\\xc0\\xaf'],
  ['an overlong three-byte form', [0xe0, 0x9f, 0xbf], '\\xe0\\x9f\\xbf'],
  ['an overlong four-byte form', [0xf0, 0x8f, 0xbf, 0xbf], '\\xf0\\x8f\\xbf\\xbf'],
  ['a surrogate', [0xed, 0xa0, 0x80], '\\xed\\xa0\\x80'],
  ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\\xf4\\x90\\x80\\x80'],
  ['a sequence cut at the end', [0x61, 0xe2, 0x82], 'a\\xe2\\x82'],
  ['a sequence cut by ASCII', [0xe2, 0x82, 0x41], '\\xe2\\x82A'],
  ['Latin-1', [0x63, 0x61, 0x66, 0xe9], 'caf\\xe9'],
  ['a byte below 0x10', [0x01, 0xff], '\u0001\\xff'],
  ['a valid character between broken ones', [0xff, 0xc3, 0xa9, 0xff], '\\xffé\\xff'],
  ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
] as const) {
  test(`${what} is decoded as documented`, () => assert.equal(decode(Uint8Array.from(bytes)), text));
}

test('a backslash stays alone unless x and two hex digits follow', () => {
  for (const text of ['\\', '\\n', 'a\\x', '\\x4', '\\xg0', '\\x0g', 'C:\\temp\\', "s/\\(a\\)/\\1/'"]) {
    assert.equal(decode(utf8(text)), text);
  }
  assert.equal(decode(utf8('\\x41')), '\\x5cx41');
});

test('only the given range is read', () => {
  const bytes = utf8('héllo wörld and more text');
  assert.equal(decodeText(bytes, 7, 13), 'wörld');
  assert.equal(decodeText(bytes, 14, 22), 'and more');
  assert.equal(decodeText(bytes, 3, 3), '');
});

test('a view into larger memory is read at its own offset', () => {
  const memory = utf8('????/usr/bin/python3????').buffer as ArrayBuffer;
  assert.equal(decode(new Uint8Array(memory, 4, 16)), '/usr/bin/python3');
});

const split = (text: string, argc: number) => splitArgv(utf8(`<<${text}>>`), 2, 2 + utf8(text).length, argc);

test('arguments are split at their NULs and empty ones are kept', () => {
  assert.deepEqual(split('sh\0-c\0echo hi\0', 3), ['sh', '-c', 'echo hi']);
  assert.deepEqual(split('\0', 1), ['']);
  assert.deepEqual(split('a\0\0\0b\0\0', 5), ['a', '', '', 'b', '']);
  assert.deepEqual(split('é\0\0ü\0', 3), ['é', '', 'ü']);
  assert.deepEqual(split('', 1), []);
  assert.deepEqual(split('', 0), []);
});

test('the last argument of a cut memory has no NUL, and a cut after a NUL adds nothing', () => {
  assert.deepEqual(split('cat\0/etc/ho', 2), ['cat', '/etc/ho']);
  assert.deepEqual(split('cat\0/etc/hosts\0', 9), ['cat', '/etc/hosts']);
  assert.deepEqual(split('é\0/etc/ho', 2), ['é', '/etc/ho']);
  assert.deepEqual(split('é\0/etc/hosts\0', 9), ['é', '/etc/hosts']);
});

test('never more arguments than the kernel counted', () => {
  assert.deepEqual(split('a\0b\0c\0', 2), ['a', 'b']);
  assert.deepEqual(split('é\0b\0c\0', 2), ['é', 'b']);
  assert.deepEqual(split('a\0b\0', 0), []);
  assert.deepEqual(split('a\0b\0', Number.POSITIVE_INFINITY), ['a', 'b']);
});

test('each argument is decoded for itself: a sequence does not continue over a NUL', () => {
  const bytes = Uint8Array.of(0xc3, 0, 0xa9, 0, 0x5c, 0, ...utf8('x41'), 0);
  assert.deepEqual(splitArgv(bytes, 0, bytes.length, 4), ['\\xc3', '\\xa9', '\\', 'x41']);
});

test('any arguments come back from their memory', () => {
  const argument = fc
    .oneof(trickyBytes, fc.uint8Array({ maxLength: 20 }))
    .map((bytes) => bytes.filter((b) => b !== 0));
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 8 }), (args) => {
      const memory = new Uint8Array(Buffer.concat(args.flatMap((arg) => [arg, Uint8Array.of(0)])));
      assert.deepEqual(splitArgv(memory, 0, memory.length, args.length).map(encodeText), args);
    }),
  );
});

test('the cache gives the text of the bytes, whatever was asked before', () => {
  // Two slots, so that texts push each other out all the time.
  const cache = new TextCache({ slots: 2, maxBytes: 16 });
  fc.assert(
    fc.property(fc.oneof(trickyBytes, fc.uint8Array({ maxLength: 20 })), (bytes) => {
      assert.equal(cache.get(bytes, 0, bytes.length), decode(bytes));
    }),
    { numRuns: 3000 },
  );
});

test('the cache does not take escaped text for the bytes that it spells', () => {
  const cache = new TextCache({ slots: 1 });
  for (let round = 0; round < 2; round++) {
    assert.equal(cache.get(Uint8Array.of(0xff), 0, 1), '\\xff');
    assert.equal(cache.get(utf8('\\xff'), 0, 4), '\\x5cxff');
  }
  // UTF-8 of "é" and the Latin-1 text "Ã©" have the same length and character codes.
  assert.equal(cache.get(utf8('Ã©'), 0, 4), 'Ã©');
  assert.equal(cache.get(utf8('é'), 0, 2), 'é');
});

test('the cache keeps one string for a repeated text', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const texts = Array.from({ length: 40 }, (_, i) => utf8(`/usr/local/${'x'.repeat(87)}${10 + i}`));
  const grownBytes = (text: (bytes: Uint8Array) => string) => {
    const kept = new Array<string>(20_000).fill('');
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < kept.length; i++) kept[i] = text(texts[i % texts.length]!);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    assert.equal(new Set(kept).size, texts.length);
    return grown;
  };
  const cache = new TextCache();
  assert.ok(grownBytes(decode) > 2_000_000);
  assert.ok(grownBytes((bytes) => cache.get(bytes, 0, bytes.length)) < 500_000);
});

test('raw text has every byte, and for people valid UTF-8 is read in it', () => {
  fc.assert(
    fc.property(fc.oneof(trickyBytes, fc.uint8Array()), (bytes) => {
      const raw = rawText(bytes, 0, bytes.length);
      assert.deepEqual(
        Uint8Array.from(raw, (char) => char.charCodeAt(0)),
        Uint8Array.from(bytes),
      );
      // As decodeText has it, but for the backslashes, which stay.
      assert.equal(readableText(raw), decode(bytes).replaceAll('\\x5c', '\\'));
    }),
  );
  assert.equal(readableText('web\\x2d01'), 'web\\x2d01');
  assert.equal(readableText('caf\xc3\xa9 \xff'), 'café \\xff');
});

test('the number of slots must be a power of two', () => {
  assert.throws(() => new TextCache({ slots: 3 }), RangeError);
});
