// How much the masker finds, and how much it masks that is no secret, on command lines as people write them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMasker } from './secrets.ts';
import { mask, RULES } from './testdata/masked.ts';
import { readSecretLines, score } from './testdata/secret-lines.ts';

const MIN_RECALL = 0.95;
const MIN_PRECISION = 0.98;
const OPEN = 'secret-lines.txt';
const HELD_OUT = 'secret-lines-held-out.txt';

for (const name of [OPEN, HELD_OUT]) {
  test(`of the secrets in ${name} at least ${MIN_RECALL} are masked, and ${MIN_PRECISION} of what is masked are secrets`, (t) => {
    const { found, secrets, right, masked, recall, precision, wrong } = score(readSecretLines(name), mask);
    t.diagnostic(
      `${name}: recall ${recall.toFixed(3)} (${found}/${secrets}), precision ${precision.toFixed(3)} (${right}/${masked})`,
    );
    const report = wrong.join('\n');
    assert.ok(recall >= MIN_RECALL, `recall ${recall}\n${report}`);
    assert.ok(precision >= MIN_PRECISION, `precision ${precision}\n${report}`);
  });
}

test('there are at least 300 lines, a third of them held out by their hash, none twice', () => {
  const [open, heldOut] = [readSecretLines(OPEN), readSecretLines(HELD_OUT)];
  assert.ok(open.length + heldOut.length >= 300);
  const lines = [...open, ...heldOut].map(({ line }) => line);
  assert.equal(new Set(lines).size, lines.length);
  for (const { line } of heldOut)
    assert.equal(createHash('sha256').update(line).digest()[0]! % 3, 0, `${line} was not chosen by its hash`);
});

test('lines without a secret and lines with one are both well represented', () => {
  const lines = [...readSecretLines(OPEN), ...readSecretLines(HELD_OUT)];
  const secret = lines.filter(({ secrets }) => secrets.some((spans) => spans.length > 0)).length;
  assert.ok(secret >= 150 && lines.length - secret >= 150, `${secret} of ${lines.length} have a secret`);
});

test('a masker that does nothing, and one that masks all, do not pass', () => {
  const lines = readSecretLines(OPEN);
  assert.equal(score(lines, createMasker({ ...RULES, enabled: false })).recall, 0);
  const everything = score(lines, (argv) => {
    argv.fill('***');
    return { masked: argv.length, cut: false };
  });
  assert.equal(everything.recall, 1);
  assert.ok(everything.precision < 0.5);
});

test('the head of each file says how to read it', () => {
  for (const name of [OPEN, HELD_OUT])
    assert.match(
      readFileSync(join(import.meta.dirname, 'testdata', name), 'utf8'),
      /^# [^\n]+\n# A line is one argv/,
    );
});
