// The screen, composed without a terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import type { StatusJson } from '../../api/index.ts';
import { sampleActivity, samplePlace } from '../fake-activity.fixture.ts';
import { sampleProcess, sampleStatus } from '../fake-agent.fixture.ts';
import { painter } from '../text.ts';
import { compose, type Scene } from './frame.ts';
import { initialState, type TopState } from './state.ts';

const plain = painter(false);
const scene = (changes: Partial<Scene> = {}): Scene => ({
  look: {
    status: sampleStatus(),
    activity: sampleActivity(),
    processes: [sampleProcess()],
    total: 1,
    text: '',
  },
  trouble: null,
  detail: null,
  agent: 'http://127.0.0.1:3000',
  ...changes,
});
const size = { columns: 80, rows: 24 };
const linesOf = (state: Partial<TopState> = {}, from = scene()) =>
  compose(from, { ...initialState('pods'), ...state }, size, plain).lines;

test('the ledger is always on the second line, and a loss cannot be overlooked', () => {
  for (const state of [
    {},
    { view: 'processes' },
    { help: true },
    { detail: 'x' },
    { typing: true },
  ] as const) {
    assert.match(linesOf(state)[1]!, /^ledger {2}seen [\d,]+ {2}lost 0 /);
  }
  const { ledger } = sampleStatus();
  const painted = (changes: Partial<StatusJson['ledger']>) => {
    const status = sampleStatus({ ledger: { ...ledger, ...changes } });
    const look = { ...scene().look!, status };
    return compose(scene({ look }), initialState('pods'), size, painter(true)).lines[1]!;
  };
  assert.match(painted({ exit: { ...ledger.exit, lost: 7 } }), /^\u001b\[1m\u001b\[31mledger .* lost 7 /);
  assert.match(painted({ move: { ...ledger.move, lost: 1 } }), /^\u001b\[1m\u001b\[31mledger .* lost 1 /);
  assert.match(
    painted({ exec: { ...ledger.exec, skipped: 2 } }),
    /^\u001b\[1m\u001b\[31mledger .* lost 0 {2}skipped 2 /,
  );
  assert.doesNotMatch(painted({}), /skipped/);
});

test('an agent that is away is told in place of the ledger, over what was known', () => {
  const lines = linesOf({}, scene({ trouble: 'connection refused' }));
  assert.match(lines[1]!, /^lost connection, retrying: connection refused/);
  assert.match(lines.join('\n'), /payments\/api-7f9/);
});

test('pods with their numbers, processes with theirs', () => {
  const pods = linesOf().join('\n');
  assert.match(pods, / 34\.5 +50 MiB +3 +0\.5 +0\.4 +0\.3 +3 payments\/api-7f9/);
  const processes = linesOf({ view: 'processes' }).join('\n');
  assert.match(processes, /PID +UID +CPU% +MEM +AGE WHERE +COMMAND/);
});

test('a tree has children below their parents, whatever the order', () => {
  const child = (pid: number, parent: number) =>
    sampleProcess({ pid, process_id: `b-${pid}-1`, parent_process_id: `b-${parent}-1`, argv: [`p${pid}`] });
  const processes = [child(4, 2), child(2, 1), child(1, 0), child(3, 1), child(9, 77)];
  const look = { ...scene().look!, processes, total: 5 };
  const rows = linesOf({ view: 'processes', tree: true }, scene({ look }))
    .slice(4, 9)
    .map((line) => line.slice(62).trimEnd());
  assert.deepEqual(rows, ['p1', '├─ p2', '│  └─ p4', '└─ p3', 'p9']);
});

test('no name of the node can leave its cell, move the cursor or turn the text around', () => {
  const hostile = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(hostile, hostile, fc.integer({ min: 40, max: 120 }), (name, argument, columns) => {
      const look = {
        ...scene().look!,
        activity: sampleActivity({ places: [samplePlace({ pod_name: name, namespace: argument })] }),
        processes: [
          sampleProcess({ argv: [name, argument], pod_name: name, container_name: argument, comm: name }),
        ],
      };
      for (const view of ['pods', 'processes'] as const) {
        const state = { ...initialState(view), filter: '' };
        const { lines } = compose(scene({ look, trouble: name }), state, { columns, rows: 12 }, plain);
        assert.equal(lines.length, 12);
        for (const line of lines) {
          assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
          assert.ok(stringWidth(line) <= columns, line);
        }
      }
    }),
  );
});

test('rows beyond the screen are reached, and the selected one is always visible', () => {
  const processes = Array.from({ length: 100 }, (_, index) =>
    sampleProcess({ pid: index + 1, process_id: `b-${index}-1`, argv: [`p${index + 1}`] }),
  );
  const look = { ...scene().look!, processes, total: 2345 };
  for (const selected of [0, 1, 50, 98, 99, 500]) {
    const { lines, shown } = compose(
      scene({ look }),
      { ...initialState('processes'), selected },
      size,
      painter(true),
    );
    const marked = lines.filter((line) => line.startsWith('\u001b[7m'));
    assert.equal(marked.length, 1);
    assert.match(marked[0]!, new RegExp(` p${Math.min(selected, 99) + 1} `));
    assert.deepEqual(shown.target, { process: `b-${Math.min(selected, 99)}-1` });
    assert.match(lines[2]!, /100 processes, the first of 2,345/);
  }
});

test('what the agent has found is shown, also where the columns do not say why', () => {
  const look = { ...scene().look!, text: 'far behind' };
  const state = { view: 'processes', filter: 'far behind' } as const;
  assert.match(linesOf(state, scene({ look })).join('\n'), /^1 process /m);
  const later = { ...state, filter: 'far behind it' };
  assert.match(linesOf(later, scene({ look })).join('\n'), /^0 processes/m, 'until it has answered');
});
