// --output, and YAML that says the same as JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import {
  fakeAgent,
  documents,
  READY,
  record,
  run,
  sampleEvent,
  sampleProcess,
  sendStream,
} from './fake-agent.fixture.ts';
import { outputFormat } from './output-format.ts';
import { yamlOf } from './yaml-text.ts';

test('the last format that is asked for counts; what comes after -- does not', () => {
  for (const [argv, format] of [
    [['ps'], 'table'],
    [['ps', '--json'], 'json'],
    [['ps', '-o', 'yaml'], 'yaml'],
    [['-oyaml', 'ps'], 'yaml'],
    [['ps', '--output=json'], 'json'],
    [['ps', '--json', '--output', 'table'], 'table'],
    [['ps', '--output', 'xml'], 'table'],
    [['ps', '--', '--json'], 'table'],
  ] as const)
    assert.equal(outputFormat(argv), format, argv.join(' '));
});

test('YAML says what JSON says, with all digits', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const json = JSON.stringify(value);
      assert.deepEqual(parse(yamlOf(json)), JSON.parse(json));
    }),
  );
  assert.equal(
    yamlOf('{"inode":18446744073709551615,"word":"no","number":"1e3"}'),
    'inode: 18446744073709551615\nword: "no"\nnumber: "1e3"\n',
  );
});

test('a document and a stream as YAML; a format that is none is refused', async (t) => {
  const processes = [sampleProcess({ argv: ['sh', '-c', 'a: b # c\n- d'] })];
  const page = { schema_version: 1, processes, total: 1, next_cursor: null };
  const { api } = await fakeAgent(t, (request, response) =>
    request.url!.startsWith('/api/v1/events')
      ? sendStream(
          response,
          READY + record('exec', sampleEvent()) + record('exit', sampleEvent({ type: 'exit' }), 2),
          true,
        )
      : documents({ '/api/v1/processes': page })(request, response),
  );
  const ps = await run(['ps', '--api', api, '-o', 'yaml']);
  assert.deepEqual(parse(ps.stdout), { schema_version: 1, processes: JSON.parse(JSON.stringify(processes)) });
  const stream = await run(['stream', '--api', api, '--output', 'yaml', '--count', '2']);
  const events = parseAllDocuments(stream.stdout).map((document) => document.toJS());
  assert.deepEqual(
    events.map(({ type }) => type),
    ['exec', 'exit'],
  );
  const wrong = await run(['ps', '--output', 'xml']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Allowed choices are table, json, yaml/);
});
