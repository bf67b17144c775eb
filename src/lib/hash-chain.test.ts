import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateKeyPairSync, sign } from 'node:crypto';
import { keyIdOf, type Link, lineOf, NO_HASH, type Signer, seal, verifyChain } from './hash-chain.ts';

function chainOf(contents: readonly object[], signer?: Signer): { text: string; records: Link[] } {
  const records: Link[] = [];
  for (const content of contents) records.push(seal(content, records.at(-1) ?? null, signer));
  return { records, text: records.map((record) => `${lineOf(record)}\n`).join('') };
}

const sample = chainOf([
  { day: '2026-11-21', lost: 0, text: 'é\u2028"\\' },
  { day: '2026-11-22', lost: 3, nested: { b: [1, 2.5e-7], a: null } },
  { day: '2026-11-23', lost: 0 },
]);

test('a chain as it was written has no problems, and its hashes are those of RFC 8785', () => {
  assert.deepEqual(verifyChain(sample.text, { head: sample.records[2]!.hash }), {
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
  assert.deepEqual(verifyChain(`${b}\n${c}\n`, { head: sample.records[2]!.hash }).problems, []);
  const cut = sample.text.slice(0, sample.text.lastIndexOf('\n', sample.text.length - 2) + 1);
  assert.deepEqual(verifyChain(cut).problems, []);
  assert.match(
    verifyChain(cut, { head: sample.records[2]!.hash }).problems[0]!.problem,
    /not the expected head/,
  );
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

function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyId = keyIdOf(publicKey);
  const signer: Signer = { keyId, sign: (hash) => sign(null, Buffer.from(hash), privateKey).toString('hex') };
  return { signer, keys: new Map([[keyId, publicKey]]) };
}

const own = newKey();
const DAYS = [{ day: 1 }, { day: 2 }, { day: 3 }];
const signed = chainOf(DAYS, own.signer);
const problemsOf = (text: string, known: Parameters<typeof verifyChain>[1]) =>
  verifyChain(text, known).problems.map(({ line, problem }) => `${line}: ${problem}`);

test('a signed chain is whole, with its key and without', () => {
  assert.deepEqual(problemsOf(signed.text, { keys: own.keys }), []);
  assert.deepEqual(problemsOf(signed.text, {}), []);
});

test('any change of any one byte of a signed chain is found, that of a signature by the key', () => {
  const bytes = Buffer.from(signed.text);
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 2, 4, 32, 64]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ bit;
      const problems = problemsOf(changed.toString('utf8'), { keys: own.keys });
      assert.notDeepEqual(problems, [], `byte ${at}, bit ${bit}`);
    }
  }
});

test('a chain made anew without the key is found: unsigned, signed by another, with signatures moved or taken away', () => {
  const other = newKey();
  assert.deepEqual(problemsOf(chainOf(DAYS).text, { keys: own.keys }), [
    '1: it is not signed',
    '2: it is not signed',
    '3: it is not signed',
  ]);
  const another = problemsOf(chainOf(DAYS, other.signer).text, { keys: own.keys });
  assert.deepEqual(another[0], `1: it is signed by another key: ${other.signer.keyId}`);
  assert.equal(another.length, 3);
  // Claims our key, has no signature of it.
  const forged = chainOf(DAYS, { keyId: own.signer.keyId, sign: other.signer.sign });
  assert.deepEqual(problemsOf(forged.text, { keys: own.keys })[0], '1: its signature is wrong');
  const bare = signed.records.map(({ signature: _signature, ...record }) => `${lineOf(record)}\n`).join('');
  assert.deepEqual(problemsOf(bare, {})[0], '1: its signature was taken away');
  // After a change of the key both are known.
  const [first] = signed.records;
  const second = seal({ day: 2 }, first!, other.signer);
  const text = `${lineOf(first!)}\n${lineOf(second)}\n`;
  assert.deepEqual(problemsOf(text, { keys: new Map([...own.keys, ...other.keys]) }), []);
  assert.equal(problemsOf(text, { keys: own.keys }).length, 1);
});

test('anchors find what the key does not: an end that was cut off, an old copy, a chain made anew with the key', () => {
  const anchors = signed.records.map(({ sequence, hash }) => ({ sequence, hash }));
  assert.deepEqual(problemsOf(signed.text, { keys: own.keys, anchors }), []);
  const lines = signed.text.trimEnd().split('\n');
  const known = { keys: own.keys, anchors };
  assert.deepEqual(problemsOf(`${lines[0]}\n`, known), [
    '1: record 2 was made, and is missing at the end',
    '1: record 3 was made, and is missing at the end',
  ]);
  const anew = chainOf([{ day: 1 }, { day: 'another' }, { day: 3 }], own.signer).text;
  assert.deepEqual(problemsOf(anew, { keys: own.keys }), []);
  assert.equal(problemsOf(anew, known).length, 2);
  // Dropped after the retention.
  assert.deepEqual(problemsOf(`${lines[1]}\n${lines[2]}\n`, known), []);
  assert.equal(problemsOf('', known).length, 3);
});

test('a chain that begins after all anchors is not taken for one whose beginning was dropped', () => {
  const anchors = signed.records.map(({ sequence, hash }) => ({ sequence, hash }));
  const known = { keys: own.keys, anchors };
  // By whoever has the key: it begins right after what is known, or later.
  for (const [sequence, hash] of [
    [3, 'f'.repeat(64)],
    [50, 'f'.repeat(64)],
  ] as const) {
    const made = seal({ day: 'forged' }, { sequence, hash, previous_hash: NO_HASH }, own.signer);
    assert.equal(problemsOf(`${lineOf(made)}\n`, known).length, 1, String(sequence));
  }
  // The last that is known is the one before.
  const next = seal({ day: 4 }, signed.records[2]!, own.signer);
  assert.deepEqual(problemsOf(`${lineOf(next)}\n`, known), []);
});
