// `cognitod cgroup`: lines in, lines out, whatever is in them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ParsedCgroup } from './deps.ts';
import { Collector, run } from './fake-agent.fixture.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const lineOf = (input: unknown) => `${JSON.stringify({ input })}\n`;
const answers = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('each line is answered by a line with the published fields', async () => {
  const { code, stdout } = await run(['cgroup', '--json'], {
    stdin: lineOf('0::/pod1a-2b/x') + lineOf('0::/é'),
  });
  assert.equal(code, 0);
  assert.deepEqual(answers(stdout), [
    { container_id: null, pod_uid: '1a-2b', runtime: null, qos: null, tags: [], unit: '0::/pod1a-2b/x' },
    { container_id: null, pod_uid: null, runtime: null, qos: null, tags: [], unit: '0::/é' },
  ]);
});

test('what is only claimed is marked, as is what is claimed beside it', async () => {
  const plain = { containerId: null, podUid: null, runtime: null, qos: null, tags: [], unit: 'a.service' };
  const claimed = { ...plain, containerId: 'c1', userUnit: 'x.scope', claimed: true as const };
  const beside = { ...plain, claim: { podUid: 'u1\x1b', containerId: 'c1' } };
  const ask = (parsed: ParsedCgroup, ...more: string[]) =>
    run(['cgroup', ...more, '/a'], { parseCgroup: () => parsed });
  const json = async (parsed: ParsedCgroup) => JSON.parse((await ask(parsed, '--json')).stdout);
  const told = await json(claimed);
  assert.deepEqual([told.container_id, told.claimed, told.user_unit], ['c1', true, 'x.scope']);
  assert.deepEqual((await json(beside)).claim, { container_id: 'c1', pod_uid: 'u1\x1b' });
  assert.match((await ask(claimed)).stdout, /\n {2}unit of the user +x.scope\n {2}believed +no: /);
  assert.match((await ask(beside)).stdout, /\n {2}names claim +pod u1\\x1b, container c1 \(not believed\)\n/);
  assert.doesNotMatch((await ask(plain)).stdout, /believed|claim/);
});

test('a bad line is answered by an error, the others are still answered, and the exit code is 1', async () => {
  const bad = ['not json', '[]', 'null', '"x"', '{}', '{"input":7}', '{"input":null}', '\x00\xff'];
  const { code, stdout } = await run(['cgroup', '--json'], {
    stdin: `${bad.join('\n')}\n\n${lineOf('0::/a')}{"input":"without a newline"}`,
  });
  assert.equal(code, 1);
  const lines = answers(stdout);
  assert.equal(lines.length, bad.length + 2, 'empty lines are skipped');
  for (const line of lines.slice(0, bad.length)) assert.deepEqual(Object.keys(line), ['error']);
  assert.deepEqual(
    lines.slice(bad.length).map((line) => line.unit),
    ['0::/a', 'without a newline'],
  );
});

test('a line may have 1 MiB; a longer one is an error and is not kept', async () => {
  const filled = (bytes: number) => `{"input":"${'a'.repeat(bytes - '{"input":""}'.length)}"}`;
  const MIB = 1024 * 1024;
  const BOUND = 100 * MIB;
  const longest = filled(MIB);
  async function* chunks() {
    yield Buffer.from(`${longest}\n${filled(MIB + 1)}\n`);
    for (let i = 0; i < 200; i++) yield Buffer.alloc(MIB, 'x');
    // What nobody holds is given back a moment after it was found.
    for (let tries = 0; tries < 100 && heldBytes >= BOUND; tries++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 10));
      heldBytes = process.memoryUsage().arrayBuffers - before;
    }
    yield Buffer.from(`\n${lineOf('0::/a')}`);
  }
  let heldBytes = Number.POSITIVE_INFINITY;
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const { code, stdout } = await run(['cgroup', '--json'], { stdin: Readable.from(chunks()) });
  assert.equal(code, 1);
  const lines = answers(stdout);
  assert.equal(lines[0].unit.length, JSON.parse(longest).input.length);
  for (const line of lines.slice(1, 3)) assert.match(line.error, /longer than 1048576 bytes/);
  assert.equal(lines[3].unit, '0::/a');
  // The streams in between hold some chunks.
  assert.ok(heldBytes < BOUND, `${heldBytes} bytes of 200 MiB are held`);
});

test('lines that come in pieces, in the middle of a character, are put together', async () => {
  const bytes = Buffer.from(lineOf('0::/é€𝄞'));
  const { code, stdout } = await run(['cgroup', '--json'], {
    stdin: Readable.from(Array.from(bytes, (byte) => Buffer.of(byte))),
  });
  assert.equal(code, 0);
  assert.equal(answers(stdout)[0].unit, '0::/é€𝄞');
});

test('an answer does not wait for the next line', async () => {
  const stdin = new PassThrough();
  const stdout = new Collector();
  const running = run(['cgroup', '--json'], { stdin, stdout });
  for (let i = 1; i <= 3; i++) {
    stdin.write(lineOf(`0::/${i}`));
    while (stdout.text.split('\n').length <= i) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  stdin.end();
  assert.equal((await running).code, 0);
});

test('100,000 lines are no trouble', async () => {
  const text = lineOf('0::/pod1a/x').repeat(100_000);
  const { code, stdout } = await run(['cgroup', '--json'], { stdin: text });
  assert.equal(code, 0);
  assert.equal(stdout.split('\n').length, 100_001);
});

test('without --json the content of a file is read from standard input and told in words', async () => {
  const { code, stdout } = await run(['cgroup'], { stdin: '0::/pod1a-2b/x\x1b[2J\n' });
  assert.equal(code, 0);
  assert.match(stdout, /^0::\/pod1a-2b\/x\\x1b\[2J\n {2}container {2}none\n {2}pod {8}1a-2b\n/);
  assert.match(stdout, / {2}runtime {4}not told by the path\n {2}qos {8}none\n/);
});

test('arguments may be pids, files or paths; one that cannot be read is exit code 1', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'cgroup');
  writeFileSync(file, '0::/podaa/x\n');
  const inputs = [file, '/kubepods/podbb/y', String(process.pid), '/proc/self/cgroup', '99999999'];
  const { code, stdout, stderr } = await run(['cgroup', ...inputs]);
  assert.equal(code, 1);
  assert.match(stdout, /pod {8}aa\n/);
  assert.match(stdout, /pod {8}bb\n/);
  assert.equal(stdout.match(/ {2}container/g)?.length, 4);
  assert.equal(stderr, 'cognitod: /proc/99999999/cgroup cannot be read: there is no such process\n');
  const asJson = await run(['cgroup', '--json', ...inputs]);
  assert.equal(asJson.code, 1);
  assert.equal(asJson.stderr, '');
  assert.deepEqual(
    answers(asJson.stdout)
      .map((line) => line.pod_uid ?? line.error ?? null)
      .slice(0, 2),
    ['aa', 'bb'],
  );
  assert.match(answers(asJson.stdout)[4].error, /no such process/);
});

test('input without an end is refused where one document is wanted', async () => {
  const { code, stderr } = await run(['cgroup'], { stdin: 'x'.repeat(1024 * 1024 + 1) });
  assert.equal(code, 1);
  assert.match(stderr, /standard input is longer than 1048576 bytes/);
});
