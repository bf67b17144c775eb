import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OBJECT_FILES, type ObjectTypes, readObjectFile, readObjectTypes } from '../kernel/index.ts';
import { checkLayout } from './check-layout.ts';

test('the committed objects match the decoder', () => {
  for (const name of OBJECT_FILES) {
    checkLayout(name, readObjectTypes(readObjectFile(name)));
  }
});

test('an object with a moved field is refused, and the field is named', () => {
  const real = readObjectTypes(readObjectFile('lifecycle'));
  const moved: ObjectTypes = {
    enum: (name) => real.enum(name),
    variable: (section, name) => real.variable(section, name),
    section: (name) => real.section(name),
    struct(name) {
      const layout = real.struct(name);
      if (name !== 'exit_record' || layout === undefined) return layout;
      return {
        ...layout,
        fields: layout.fields.map((f) =>
          f.name === 'cpu_ns' ? { ...f, offsetBytes: f.offsetBytes + 8 } : f,
        ),
      };
    },
  };
  assert.throws(() => checkLayout('lifecycle', moved), {
    code: 'LAYOUT_MISMATCH',
    message: /struct exit_record: expected «cpu_ns 128 8», found «cpu_ns 136 8»/,
  });
});

test('an object without a struct is refused', () => {
  const none = () => undefined;
  const empty: ObjectTypes = { struct: none, enum: none, variable: none, section: () => [] };
  assert.throws(() => checkLayout('snapshot', empty), { code: 'LAYOUT_MISMATCH' });
});
