// What keys do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { initialState, press, type Shown, type TopState } from './state.ts';

const shown: Shown = { count: 50, page: 10, target: { process: 'b-1-1' } };
const NAMED = [
  'up',
  'down',
  'pageup',
  'pagedown',
  'home',
  'end',
  'return',
  'escape',
  'tab',
  'backspace',
  'space',
];

function key(text: string, ctrl = false) {
  if (text === ' ') return { text, name: 'space', ctrl };
  return NAMED.includes(text) ? { text: '', name: text, ctrl } : { text, name: text.toLowerCase(), ctrl };
}

function after(keys: readonly string[], state: TopState = initialState('pods'), at: Shown = shown): TopState {
  let now = state;
  for (const one of keys) {
    const next = press(now, key(one), at);
    assert.ok(next !== null, `${one} ends it`);
    now = next;
  }
  return now;
}

test('moving stays within the list', () => {
  assert.equal(after(['up']).selected, 0);
  assert.equal(after(['down', 'j', 'pagedown']).selected, 12);
  assert.equal(after(['G']).selected, 49);
  assert.equal(after(['G', 'pagedown', 'k']).selected, 48);
  assert.equal(after(['end', 'g']).selected, 0);
  const shorter: Shown = { ...shown, count: 3 };
  assert.equal(
    after(['up'], { ...initialState('pods'), selected: 40 }, shorter).selected,
    1,
    'the list became shorter',
  );
  assert.equal(after(['down'], initialState('pods'), { ...shown, count: 0, target: null }).selected, 0);
});

test('a filter is typed, kept, and cleared', () => {
  const typed = after(['/', 'q', '?', ' ', 'x', 'backspace']);
  assert.deepEqual([typed.filter, typed.typing], ['q? ', true]);
  assert.deepEqual([after(['return'], typed).filter, after(['return'], typed).typing], ['q? ', false]);
  assert.deepEqual([after(['escape'], typed).filter, after(['escape'], typed).typing], ['', false]);
  assert.equal(after(['return', 'escape'], typed).filter, '');
  assert.equal(after(['\u0007', '\u001b'], typed).filter, 'q? ', 'no control characters');
});

test('enter opens, escape goes back step by step', () => {
  const scope = { title: 'a/b', query: { pod: 'u' } };
  const inPod = after(['return'], initialState('pods'), { ...shown, target: { scope } });
  assert.deepEqual([inPod.view, inPod.scope], ['processes', scope]);
  const inProcess = after(['/', 'x', 'return', 'return'], inPod);
  assert.equal(inProcess.detail, 'b-1-1');
  assert.deepEqual(after(['escape'], inProcess).detail, null);
  assert.deepEqual(after(['escape', 'escape'], inProcess).filter, '');
  assert.deepEqual(after(['escape', 'escape', 'escape'], inProcess), { ...initialState('pods') });
  assert.equal(after(['return'], initialState('pods'), { ...shown, target: null }).scope, null);
});

test('sorts go around both ways, views switch, pause and help toggle', () => {
  assert.deepEqual(
    [after(['s']).podSort, after(['<']).podSort, after(['s', 's', 's', 's', 's']).podSort],
    ['cpu', 'name', 'activity'],
  );
  assert.equal(after(['tab', '>']).processSort, 'memory');
  assert.deepEqual(
    [after(['tab']).view, after(['tab', 'tab']).view, after(['2', '1']).view],
    ['processes', 'pods', 'pods'],
  );
  assert.deepEqual(
    [after(['t']).view, after(['t']).tree, after(['t', 't']).tree],
    ['processes', true, false],
  );
  assert.deepEqual([after(['p']).paused, after([' ', 'p']).paused], [true, false]);
  assert.deepEqual([after(['?']).help, after(['?', 'x']).help], [true, false]);
});

test('q and Ctrl-C end it, but a q that is typed does not', () => {
  assert.equal(press(initialState('pods'), key('q'), shown), null);
  assert.equal(press({ ...initialState('pods'), typing: true }, key('c', true), shown), null);
  assert.equal(after(['/', 'q']).filter, 'q');
});

test('no key leads to a selection outside of the list', () => {
  const keys = fc.array(fc.constantFrom(...NAMED, ...'jkgGst/?p12abc<>'.split('')), { maxLength: 60 });
  fc.assert(
    fc.property(keys, fc.nat(30), (all, count) => {
      let state = initialState('pods');
      for (const one of all) {
        const next = press(state, key(one), {
          count,
          page: 5,
          target: count === 0 ? null : { process: 'p' },
        });
        if (next === null) return;
        state = next;
        assert.ok(state.selected >= 0 && state.selected <= Math.max(0, count - 1));
      }
    }),
  );
});
