import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type EvidenceContent, SCHEMA_VERSION } from '../api/index.ts';
import { verifyChain } from '../lib/hash-chain.ts';
import { ChainFile } from './chain-file.ts';
import { snapshotOf } from './evidence.fixture.ts';

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-evidence-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function contentOf(day: number): EvidenceContent {
  const { ledger: _, collectorReason, accessOverflow, connectionsOverflow, ...rest } = snapshotOf();
  const nothing = { happened: 0, seen: 0, lost: 0, skipped: 0 };
  return {
    ...rest,
    schema_version: SCHEMA_VERSION,
    reason: 'day',
    from: `2026-11-${day}T00:00:00.000Z`,
    to: `2026-11-${day + 1}T00:00:00.000Z`,
    node: 'node-a',
    boot_id: 'boot',
    version: '1.0.0',
    agent_pid: 7,
    collector_reason: collectorReason,
    coverage: { fork: nothing, exec: nothing, exit: nothing, move: nothing },
    containers: { events: 0, attributed: 0 },
    gaps: [],
    access: [...rest.access],
    access_overflow: accessOverflow,
    connections: [...rest.connections],
    connections_overflow: connectionsOverflow,
    insights: [],
    problems: [],
  };
}

test('records go on where the last agent ended', (t) => {
  const directory = directoryOf(t);
  const first = new ChainFile(directory, 100);
  first.append(contentOf(10));
  first.close();
  const second = new ChainFile(directory, 100);
  second.append(contentOf(11));
  second.close();
  const { records, problems } = verifyChain(readFileSync(second.path, 'utf8'));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    records.map(({ sequence }) => sequence),
    [1, 2],
  );
});

test('a record that was not written to its end is put aside and told', (t) => {
  const directory = directoryOf(t);
  const first = new ChainFile(directory, 100);
  first.append(contentOf(10));
  first.close();
  appendFileSync(first.path, '{"access":[],"acc');
  const second = new ChainFile(directory, 100);
  assert.match(
    second.problems.join(),
    /^the last record was not written to its end; what there was of it is in .*torn-\d+\.txt$/,
  );
  const aside = readdirSync(directory).find((name) => name.startsWith('torn-'))!;
  assert.equal(readFileSync(join(directory, aside), 'utf8'), '{"access":[],"acc');
  second.append(contentOf(11));
  second.close();
  assert.deepEqual(verifyChain(readFileSync(second.path, 'utf8')).problems, []);
});

test('what was changed is told, and the chain goes on behind it', (t) => {
  const directory = directoryOf(t);
  const first = new ChainFile(directory, 100);
  for (const day of [10, 11, 12]) first.append(contentOf(day));
  first.close();
  const text = readFileSync(first.path, 'utf8');
  writeFileSync(first.path, text.replace('"from":"2026-11-11', '"from":"2026-11-01'));
  const second = new ChainFile(directory, 100);
  assert.match(second.problems.join(), /^line 2 of .*: its content was changed/);
  assert.equal(second.append(contentOf(13)).sequence, 4);
  second.close();
});

test('a second agent in the same directory is refused', (t) => {
  const directory = directoryOf(t);
  const first = new ChainFile(directory, 100);
  assert.throws(() => new ChainFile(directory, 100), /another agent writes the evidence in/);
  first.close();
  new ChainFile(directory, 100).close();
});

test('the oldest records go when there are too many; the rest is still a chain, and locked', (t) => {
  const directory = directoryOf(t);
  const chain = new ChainFile(directory, 3);
  for (let day = 10; day < 17; day++) chain.append(contentOf(day));
  assert.deepEqual(
    chain.records.map(({ sequence }) => sequence),
    [5, 6, 7],
  );
  assert.throws(() => new ChainFile(directory, 3), /another agent/);
  chain.append(contentOf(17));
  chain.close();
  const { records, problems } = verifyChain(readFileSync(chain.path, 'utf8'));
  assert.deepEqual(problems, []);
  assert.equal(records.length, 4);
});

test('a torn line behind bytes that are no text is cut off where it begins, not elsewhere', (t) => {
  const directory = directoryOf(t);
  const first = new ChainFile(directory, 100);
  for (const day of [10, 11]) first.append(contentOf(day));
  first.close();
  const bytes = readFileSync(first.path);
  bytes[40] = 0xff;
  writeFileSync(first.path, Buffer.concat([bytes, Buffer.from([0x7b, 0xff, 0x00])]));
  const second = new ChainFile(directory, 100);
  assert.equal(second.problems.length, 2);
  assert.deepEqual(readFileSync(second.path), bytes);
  const aside = readdirSync(directory).find((name) => name.startsWith('torn-'))!;
  assert.deepEqual(readFileSync(join(directory, aside)), Buffer.from([0x7b, 0xff, 0x00]));
  second.close();
});

test('a record is written once, also when the old ones cannot be dropped at that time', (t) => {
  const directory = directoryOf(t);
  const chain = new ChainFile(directory, 2);
  for (const day of [10, 11, 12, 13]) chain.append(contentOf(day));
  mkdirSync(`${chain.path}.next/full`, { recursive: true });
  assert.equal(chain.append(contentOf(14)).sequence, 5);
  assert.equal(verifyChain(readFileSync(chain.path, 'utf8')).records.length, 5);
  rmSync(`${chain.path}.next`, { recursive: true, force: true });
  assert.equal(chain.append(contentOf(15)).sequence, 6);
  chain.close();
  const { records, problems } = verifyChain(readFileSync(chain.path, 'utf8'));
  assert.deepEqual([records.map(({ sequence }) => sequence), problems], [[5, 6], []]);
});

/** What somebody does to the file under the running agent, and what is then said of it. */
const TOUCHES: readonly (readonly [string, (path: string) => void, RegExp, boolean])[] = [
  ['removed', (path) => rmSync(path), /was removed while the agent ran; its 2 records/, false],
  [
    'removed with its directory',
    (path) => rmSync(dirname(path), { recursive: true }),
    /was removed while the agent ran/,
    false,
  ],
  ['moved away, as log rotation does', (path) => renameSync(path, `${path}.1`), /was removed/, false],
  [
    'replaced',
    (path) => {
      rmSync(path);
      writeFileSync(path, 'mine\n');
    },
    /was replaced by another file while the agent ran; what was there is in .*replaced-/,
    true,
  ],
  ['cut', (path) => truncateSync(path, 10), /was cut from \d+ to 10 bytes while the agent ran/, true],
  ['appended to', (path) => appendFileSync(path, 'mine\n'), /has 5 bytes more than its records/, true],
];

for (const [what, touch, told, isKept] of TOUCHES) {
  test(`a file that is ${what} under the running agent is found, told and written anew`, (t) => {
    const directory = directoryOf(t);
    const chain = new ChainFile(directory, 100);
    for (const day of [10, 11]) {
      assert.equal(chain.inspect(), null);
      chain.append(contentOf(day));
    }
    touch(chain.path);
    const left = existsSync(chain.path) ? readFileSync(chain.path, 'utf8') : null;
    assert.match(chain.inspect() ?? '', told);
    assert.equal(chain.inspect(), null, 'once');
    chain.append(contentOf(12));
    const { records, problems } = verifyChain(readFileSync(chain.path, 'utf8'));
    assert.deepEqual([records.map(({ sequence }) => sequence), problems], [[1, 2, 3], []]);
    const aside = readdirSync(directory).find((name) => name.startsWith('replaced-'));
    assert.equal(
      aside === undefined ? null : readFileSync(join(directory, aside), 'utf8'),
      isKept ? left : null,
    );
    assert.throws(() => new ChainFile(directory, 100), /another agent writes/, 'and locked');
    chain.close();
  });
}

test('a file of another agent in the place of ours is left alone', (t) => {
  const directory = directoryOf(t);
  const chain = new ChainFile(directory, 100);
  chain.append(contentOf(10));
  renameSync(chain.path, `${chain.path}.1`);
  const other = new ChainFile(directory, 100);
  other.append(contentOf(11));
  assert.throws(() => chain.inspect(), {
    code: 'EVIDENCE_UNWRITABLE',
    message: /another agent has put its own/,
  });
  assert.equal(other.inspect(), null);
  other.close();
  chain.close();
});

test('where nothing can be written the reason is told', (t) => {
  const directory = directoryOf(t);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  assert.throws(() => new ChainFile(join(file, 'evidence'), 3), { code: 'EVIDENCE_UNWRITABLE' });
});

test('on a full disk a record is not half written', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
}, (t) => {
  const directory = directoryOf(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', directory]);
  try {
    fillDisk(directory);
  } finally {
    execFileSync('umount', ['-l', directory]);
  }
});

function fillDisk(directory: string): void {
  const chain = new ChainFile(directory, 100);
  let written = 0;
  assert.throws(
    () => {
      for (; written < 1000; written++) chain.append(contentOf(10));
    },
    { code: 'EVIDENCE_UNWRITABLE' },
  );
  assert.ok(written > 0);
  const { records, problems } = verifyChain(readFileSync(chain.path, 'utf8'));
  assert.deepEqual(problems, []);
  assert.equal(records.length, written);
  // Nor can it be put right there when it was touched: what is there stays until there is room.
  appendFileSync(chain.path, 'x');
  assert.throws(() => chain.inspect(), { code: 'EVIDENCE_UNWRITABLE', message: /no space left/ });
  assert.ok(existsSync(chain.path));
  execFileSync('mount', ['-o', 'remount,size=1m', directory]);
  assert.match(chain.inspect() ?? '', /1 bytes more/);
  chain.append(contentOf(11));
  assert.equal(verifyChain(readFileSync(chain.path, 'utf8')).records.length, written + 1);
  chain.close();
}
