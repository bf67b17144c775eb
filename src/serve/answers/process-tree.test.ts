// Finding one process, and trees with their bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_ANSWER_BYTES, processSchema, processTreeSchema, type ProcessTreeJson } from '../../api/index.ts';
import type { Process } from '../../model/index.ts';
import { FakeModel, shell } from '../fake-agent.fixture.ts';
import { findProcess, MAX_TREE_DEPTH, MAX_TREE_NODES, processTree } from './process-tree.ts';

function count(root: ProcessTreeJson): { nodes: number; depth: number } {
  let nodes = 0;
  let depth = -1;
  for (let level = [root]; level.length > 0; level = level.flatMap(({ tree }) => tree)) {
    nodes += level.length;
    depth++;
  }
  return { nodes, depth };
}

const through = (model: FakeModel, process: Process) =>
  processTreeSchema.parse(JSON.parse(JSON.stringify(processTree(model, process))));

test('a process is found by its id, living or dead, and by its pid while it lives', () => {
  const model = new FakeModel();
  const process = model.add({ pid: 77 });
  const id = model.processIdOf(process);
  assert.equal(findProcess(model, '77'), process);
  assert.equal(findProcess(model, id), process);
  model.end(process);
  assert.equal(findProcess(model, id), process);
  assert.throws(() => findProcess(model, '77'), {
    code: 'NOT_FOUND',
    message: /no live process with pid 77/,
  });
  assert.throws(() => findProcess(model, 'nonsense'), { code: 'NOT_FOUND' });
});

test('a tree has the ancestors from the parent upwards and all descendants', () => {
  const model = new FakeModel();
  const init = model.add();
  const middle = model.addChild(init);
  const self = model.addChild(middle);
  const children = [model.addChild(self), model.addChild(self)];
  const grandchild = model.addChild(children[1]!);
  const answer = through(model, self);
  assert.deepEqual(
    answer.ancestors.map(({ pid }) => pid),
    [middle.pid, init.pid],
  );
  assert.deepEqual(
    answer.process.tree.map(({ pid }) => pid),
    children.map(({ pid }) => pid),
  );
  assert.deepEqual(
    answer.process.tree[1]?.tree.map(({ pid }) => pid),
    [grandchild.pid],
  );
  assert.equal(answer.truncated, false);
  processSchema.parse(answer.process.tree[0]);
});

test('a wide tree is cut at the node limit, the deepest first', () => {
  const model = new FakeModel();
  const root = model.add();
  for (let made = 0; made < MAX_TREE_NODES - 1; made++) model.addChild(root);
  assert.equal(through(model, root).truncated, false);
  model.addChild([...root.children!][0]!);
  const answer = through(model, root);
  assert.equal(answer.truncated, true);
  assert.deepEqual(count(answer.process), { nodes: MAX_TREE_NODES, depth: 1 });
});

test('a tree that would be too large is cut, whatever its processes are called', () => {
  const model = new FakeModel();
  const image = { ...shell, argv: ['\u0001'.repeat(4096)] };
  const top = model.add({ image });
  const middle = model.addChild(top, { image });
  for (let made = 0; made < 2_000; made++) model.addChild(middle, { image });
  const answer = processTree(model, middle);
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  assert.equal(answer.truncated, true);
  assert.ok(bytes > 0.9 * MAX_ANSWER_BYTES && bytes <= MAX_ANSWER_BYTES, `${bytes} bytes`);
  assert.equal(answer.ancestors.length, 1);
});

test('a chain is cut at the depth limit and still becomes text', () => {
  const model = new FakeModel();
  const chain = [model.add()];
  for (let made = 0; made < MAX_TREE_DEPTH + 50; made++) chain.push(model.addChild(chain.at(-1)!));
  const down = through(model, chain[0]!);
  assert.equal(down.truncated, true);
  assert.deepEqual(count(down.process), { nodes: MAX_TREE_DEPTH + 1, depth: MAX_TREE_DEPTH });
  const up = through(model, chain.at(-1)!);
  assert.equal(up.truncated, true);
  assert.equal(up.ancestors.length, MAX_TREE_DEPTH);
});

test('a loop of parents ends', () => {
  const model = new FakeModel();
  const a = model.add();
  const b = model.addChild(a);
  a.parentPid = b.pid;
  a.parentStartNs = b.startNs;
  const answer = through(model, b);
  assert.deepEqual(
    answer.ancestors.map(({ pid }) => pid),
    [a.pid],
  );
  assert.equal(answer.truncated, false);
});
