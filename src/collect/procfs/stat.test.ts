// The parser of /proc/PID/stat against names and contents that try to mislead it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeText, encodeText } from '../../decode/text.ts';
import { parseStat } from './stat.ts';

const parse = (bytes: Uint8Array) => parseStat(bytes, bytes.length);
const line = (comm: Uint8Array, rest: string) =>
  new Uint8Array(Buffer.concat([Buffer.from('42 ('), comm, Buffer.from(`) ${rest}\n`)]));
const REST =
  `S 7 1 1 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 987 0 0 18446744073709551615 ${'0 '.repeat(27)}`.trim();

test('any name is read back as it is, and nothing else changes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 15 }), (comm) => {
      const stat = parse(line(comm, REST));
      assert.ok(stat !== null);
      assert.equal(stat.comm, decodeText(comm, 0, comm.length));
      assert.deepEqual(encodeText(stat.comm), comm);
      assert.deepEqual(
        [stat.parentPid, stat.startNs, stat.dead, stat.forkedOnly],
        [7, 9_870_000_000n, false, true],
      );
    }),
  );
});

test('any bytes give a parsed file or null', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void parse(bytes)));
  fc.assert(fc.property(fc.string(), (text) => void parse(new Uint8Array(Buffer.from(`1 (a) S ${text}`)))));
});

test('a file that is cut before its start time is none, wherever it is cut', () => {
  const whole = line(Buffer.from('a'), REST);
  const start = Buffer.from(whole).indexOf('987');
  for (let length = 0; length < start; length++) assert.equal(parseStat(whole, length), null, `${length}`);
});

test('bytes after the end are not read', () => {
  const bytes = new Uint8Array(4096).fill(0x29);
  bytes.set(line(Buffer.from('a'), REST));
  assert.equal(parseStat(bytes, bytes.indexOf(0x0a) + 1)?.comm, 'a');
});

test('the own file is read', () => {
  const stat = parse(new Uint8Array(readFileSync('/proc/self/stat')));
  assert.ok(stat !== null);
  assert.equal(stat.parentPid, process.ppid);
  assert.ok(stat.imageCode > 0 && stat.imageStack > 0 && stat.cpuNs > 0 && !stat.forkedOnly && !stat.dead);
});
