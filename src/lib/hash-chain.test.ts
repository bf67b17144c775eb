import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Link, lineOf, NO_HASH, seal, verifyChain } from './hash-chain.ts';

function chainOf(contents: readonly object[]): { text: string; records: Link[] } {
  const records: Link[] = [];
  for (const content of contents) records.push(seal(content, records.at(-1) ?? null));
  return { records, text: records.map((record) => `${lineOf(record)}\n`).join('') };
}

const sample = chainOf([
  { day: '2026-11-21', lost: 0, text: 'é\u2028"\\' },
  { day: '2026-11-22', lost: 3, nested: { b: [1, 2.5e-7], a: null } },
  { day: '2026-11-23', lost: 0 },
]);

test('a chain as it was written has no problems, and its hashes are those of RFC 8785', () => {
  assert.deepEqual(verifyChain(sample.text, sample.records[2]!.hash), {
    records: sample.records,
    problems: [],
  });
  assert.equal(sample.records[0]!.previous_hash, NO_HASH);
  const [first] = chainOf([{ b: 1, a: 2 }]).records;
  // sha256 of {"a":2,"b":1,"previous_hash":"000…","sequence":1}, by sha256sum.
  assert.equal(first!.hash, 'efa6d6e853c817665b0f572c02f85b6d9cc184ee091e5162dae498c3f13267a3');
});

test('any change of any one byte is found', () => {
  const bytes = Buffer.from(sample.text);
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 2, 4, 32, 64]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ bit;
      assert.notDeepEqual(verifyChain(changed.toString('utf8')).problems, [], `byte ${at}, bit ${bit}`);
    }
  }
});

test('inserting or removing any one byte is found', () => {
  const bytes = Buffer.from(sample.text);
  for (let at = 0; at < bytes.length; at++) {
    const without = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]).toString();
    assert.notDeepEqual(verifyChain(without).problems, [], `without byte ${at}`);
    for (const extra of [' ', '\n', '0']) {
      const more = Buffer.concat([bytes.subarray(0, at), Buffer.from(extra), bytes.subarray(at)]).toString();
      assert.notDeepEqual(verifyChain(more).problems, [], `${JSON.stringify(extra)} before byte ${at}`);
    }
  }
});

test('records that are removed, doubled or in another order are found', () => {
  const [a, b, c] = sample.text.trimEnd().split('\n');
  const problemsOf = (...lines: (string | undefined)[]) => verifyChain(`${lines.join('\n')}\n`).problems;
  assert.equal(problemsOf(a, c)[0]?.problem, 'it does not follow the record before it');
  assert.equal(problemsOf(a, b, b, c).length, 1);
  assert.ok(problemsOf(b, a, c).length >= 1);
  assert.equal(problemsOf(a, b, c).length, 0);
});

test('a chain whose first records were dropped is whole; one whose end is gone is not, when its head is known', () => {
  const [, b, c] = sample.text.trimEnd().split('\n');
  assert.deepEqual(verifyChain(`${b}\n${c}\n`, sample.records[2]!.hash).problems, []);
  const cut = sample.text.slice(0, sample.text.lastIndexOf('\n', sample.text.length - 2) + 1);
  assert.deepEqual(verifyChain(cut).problems, []);
  assert.match(verifyChain(cut, sample.records[2]!.hash).problems[0]!.problem, /not the expected head/);
});

test('whatever is sealed is verified, and any text gives an answer', () => {
  const json = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(fc.array(json, { maxLength: 5 }), (contents) => {
      const { text } = chainOf(contents.map((content) => ({ content })));
      assert.deepEqual(verifyChain(text).problems, []);
    }),
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void verifyChain(text)));
});
