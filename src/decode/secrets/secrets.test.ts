// The masker as a whole: its documentation, ordinary and hostile arguments, rules of the user.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CognitodError } from '../../lib/errors.ts';
import { type NameKind, SECRET, SECRET_IF_KEY, SECRET_UNLESS_PATH, SECRET_WORDS } from './names.ts';
import { TOOL_RULES } from './tools.ts';
import { createMasker, GENERAL_RULES, NOTHING_MASKED } from './secrets.ts';
import { splitArgv } from '../text.ts';
import { check, mask, maskedBy, RULES, words } from './testdata/masked.ts';

const DOC = readFileSync(join(import.meta.dirname, '../../../docs/secrets.md'), 'utf8');
const docRows = DOC.split('\n')
  .filter((line) => /^\| [a-z]/.test(line) && !line.startsWith('| rule'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
const bare = (cell: string) => cell.replace(/^`|`$/g, '');

test('docs/secrets.md lists the rules of the code, in their order', () => {
  assert.deepEqual(
    docRows.map((row) => row[0]),
    [...GENERAL_RULES, ...TOOL_RULES.map((rule) => rule.name)],
  );
});

test('docs/secrets.md lists the names of the code', () => {
  const listed = (start: string) =>
    [
      ...DOC.split('\n')
        .find((line) => line.startsWith(start))!
        .split(': ')[1]!
        .matchAll(/`(\w+)`/g),
    ].map((match) => match[1]);
  const named = (alone: boolean, kind: NameKind) =>
    SECRET_WORDS.filter((word) => word.alone === alone && word.kind === kind).map((word) => word.text);
  const lists: string[][] = [
    named(false, SECRET),
    named(true, SECRET),
    named(false, SECRET_UNLESS_PATH),
    named(true, SECRET_UNLESS_PATH),
    named(true, SECRET_IF_KEY),
  ];
  assert.deepEqual(listed('Anywhere at the end'), lists[0]);
  assert.deepEqual(listed('Only as a word of its own (`'), lists[1]);
  assert.deepEqual(listed('Unless the value is a path'), lists[2]);
  assert.deepEqual(listed('Both'), lists[3]);
  assert.deepEqual(listed('Only as a word of its own, and'), lists[4]);
  assert.equal(lists.flat().length, SECRET_WORDS.length, 'every name is in a list');
});

for (const [rule, , example, becomes] of docRows) {
  test(`the example of rule ${rule} in docs/secrets.md is true`, () =>
    check([[bare(example!), bare(becomes!)]]));
}

test('ordinary command lines stay untouched', () => {
  const file = join(import.meta.dirname, 'testdata/ordinary-command-lines.txt');
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  assert.ok(lines.length > 100);
  for (const line of lines) {
    const argv = line.split(' ').map((word) => word.replaceAll('␣', ' '));
    assert.deepEqual(maskedBy(mask, argv), argv);
  }
});

test('names of your own are words of their own', () => {
  const own = createMasker({ ...RULES, extraArguments: ['pin', '--card-code'] });
  assert.deepEqual(
    maskedBy(own, 'app --pin 1234 --card-pin=1234 CARD_PIN=1234 --cardcode x --CARD_CODE y --spin 1234'),
    words('app --pin *** --card-pin=*** CARD_PIN=*** --cardcode *** --CARD_CODE *** --spin 1234'),
  );
  assert.deepEqual(maskedBy(own, ['sh', '-c', 'app --card.code 12']), ['sh', '-c', 'app --card.code ***']);
  for (const name of ['', '--', 'a b', '1', 'a=']) {
    assert.throws(
      () => createMasker({ ...RULES, extraArguments: [name] }),
      (error) =>
        error instanceof CognitodError &&
        error.code === 'CONFIG_INVALID' &&
        error.message.includes(`"${name}"`),
    );
  }
});

test('patterns of your own mask group 1, or all of the match', () => {
  const own = createMasker({ ...RULES, extraPatterns: ['ACME-\\d+', 'id/([a-z]+)/', 'z*'] });
  assert.deepEqual(
    maskedBy(own, 'ACME-1 xACME-12yACME-3 id/abc/x id/9/'),
    words('*** x***y*** id/***/x id/9/'),
  );
  assert.throws(
    () => createMasker({ ...RULES, extraPatterns: ['ok', '(unclosed'] }),
    (error) =>
      error instanceof CognitodError &&
      error.code === 'CONFIG_INVALID' &&
      error.message.includes('(unclosed') &&
      error.hint !== undefined,
  );
});

test('a masker that is turned off masks nothing', () => {
  const off = createMasker({ ...RULES, enabled: false });
  assert.deepEqual(maskedBy(off, 'app --password=hunter2'), words('app --password=hunter2'));
});

test('a masked secret is not kept in memory by the other arguments', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const kept: string[][] = [];
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 200; i++) {
    const memory = new TextEncoder().encode(
      `app\0long-enough-to-be-a-slice-${i}\0--password=${'x'.repeat(20_000)}\0`,
    );
    const argv = splitArgv(memory, 0, memory.length, 3);
    assert.deepEqual(mask(argv, 'app'), { masked: 1, cut: false });
    kept.push(argv);
  }
  collectGarbage();
  assert.ok(process.memoryUsage().heapUsed - before < 1_000_000);
  assert.equal(kept.length, 200);
});

test('the names of programs that were seen do not keep the secrets after them in memory', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const masker = createMasker(RULES);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 200; i++) {
    const memory = new TextEncoder().encode(
      `/opt/long-enough-to-be-a-slice-${i}\0--password=${'x'.repeat(20_000)}\0`,
    );
    assert.deepEqual(masker(splitArgv(memory, 0, memory.length, 2), '/bin/app'), { masked: 1, cut: false });
  }
  collectGarbage();
  assert.ok(process.memoryUsage().heapUsed - before < 1_000_000);
  // Still in use, and with it what it remembers.
  assert.deepEqual(masker(['app', '--password=x'], 'app'), { masked: 1, cut: false });
});

test('an argv without arguments, and an unknown executable, are no trouble', () => {
  assert.equal(mask([], '/bin/x'), NOTHING_MASKED);
  assert.equal(mask(['', '', '-'], ''), NOTHING_MASKED);
});
