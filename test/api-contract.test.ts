// The API as it was published in docs/api/openapi.json: what is there stays.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { compareContracts } from '../scripts/api-contract.ts';
import { CONTRACT_FILE, contractText, PLACES_FILE, placesText, whyNot } from '../scripts/build-openapi.ts';
import { type OpenApiJson, openApiDocument } from '../src/api/index.ts';

const text = readFileSync(CONTRACT_FILE, 'utf8');
const committed = () => JSON.parse(text) as OpenApiJson;

test('no published field, parameter or route changes or vanishes', () => {
  const now = openApiDocument();
  const changes = compareContracts(committed(), now);
  assert.equal(whyNot(committed(), now, changes), null);
  assert.ok(
    contractText(now) === text,
    `the API has changed: run \`make openapi\` and commit docs/api/openapi.json. ${changes.additions.join('; ')}`,
  );
});

test('the dashboard finds every route where it is', () => {
  assert.ok(
    readFileSync(PLACES_FILE, 'utf8') === placesText(),
    'run `make openapi` and commit what it wrote',
  );
});

test('the document is OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate({ ...openApiDocument() });
  assert.ok(valid, JSON.stringify(errors));
  const broken = openApiDocument() as unknown as { paths: { '/healthz': { get: { parameters: unknown } } } };
  broken.paths['/healthz'].get.parameters = [{ name: 'x', in: 'nowhere' }];
  assert.equal((await new Validator().validate(broken)).valid, false, 'the validator finds faults');
});

/** What is told when the committed document becomes what `change` makes of it. */
function told(change: (document: OpenApiJson) => void) {
  const now = committed();
  change(now);
  return compareContracts(committed(), now);
}

const processes = ({ paths }: OpenApiJson) => paths['/api/v1/processes']!.get!;
const schema = ({ components }: OpenApiJson, name: string) => components.schemas[name]!;

const BREAKING: [string, (document: OpenApiJson) => void, string][] = [
  [
    'a field that is gone',
    (document) => delete schema(document, 'Process').properties!.uid,
    'GET /api/v1/processes: field processes[].uid is gone',
  ],
  [
    'a field of another type',
    (document) => {
      schema(document, 'Status').properties!.node = { type: 'integer' };
    },
    'GET /api/v1/status: field node was string and is integer',
  ],
  [
    'a field that may be null',
    (document) => {
      schema(document, 'Event').properties!.comm = { type: ['string', 'null'] };
    },
    'GET /api/v1/events: field <Event>.comm was string and is null or string',
  ],
  [
    'a field that may be missing',
    (document) => schema(document, 'LedgerEntry').required!.pop(),
    'GET /api/v1/status: field ledger.fork.pending may be missing now',
  ],
  [
    'a value that is never given any more',
    (document) => {
      schema(document, 'Event').properties!.type!.enum = ['fork', 'exec'];
    },
    'GET /api/v1/events: field <Event>.type is never exit any more',
  ],
  [
    'a parameter that is gone',
    (document) => {
      processes(document).parameters = processes(document).parameters.filter(({ name }) => name !== 'uid');
    },
    'GET /api/v1/processes: parameter uid is gone',
  ],
  [
    'a parameter that takes less',
    (document) => {
      processes(document).parameters.find(({ name }) => name === 'limit')!.schema.maximum = 999;
    },
    'GET /api/v1/processes: parameter limit takes less than before',
  ],
  [
    'a parameter that is needed',
    (document) => {
      processes(document).parameters.push({ name: 'z', in: 'query', required: true, schema: {} });
    },
    'GET /api/v1/processes: parameter z is new and needed',
  ],
  [
    'a route that is gone',
    (document) => delete document.paths['/api/v1/processes/{id}/tree'],
    'GET /api/v1/processes/{id}/tree is gone',
  ],
  [
    'a route that needs the admin token',
    (document) => {
      processes(document).security = [{ adminToken: [] }];
    },
    'GET /api/v1/processes is open to fewer: adminToken instead of readToken, adminToken, loopback',
  ],
];

for (const [what, change, words] of BREAKING) {
  test(`${what} is found, and the message says what to do`, () => {
    const { breaking } = told(change);
    assert.ok(breaking.includes(words), `${words} is not among\n${breaking.join('\n')}`);
    const now = committed();
    change(now);
    const message = whyNot(committed(), now, { breaking, additions: [] });
    assert.match(message!, /raise SCHEMA_VERSION in src\/api\/event\.ts, .* run `make openapi`/);
    now.info.version = '2';
    assert.equal(whyNot(committed(), now, { breaking, additions: [] }), null);
  });
}

test('what is added breaks nobody, nor do words and order', () => {
  const { breaking, additions } = told((document) => {
    const { properties } = schema(document, 'Process');
    schema(document, 'Process').properties = { colour: { type: 'object' }, ...properties };
    properties!.pid!.description = 'another';
    schema(document, 'Event').properties!.type!.enum = ['fork', 'exec', 'exit', 'move'];
    processes(document).parameters.unshift({ name: 'colour', in: 'query', required: false, schema: {} });
    document.paths['/api/v1/more'] = { get: processes(document) };
  });
  assert.deepEqual(breaking, []);
  assert.ok(additions.includes('GET /api/v1/processes: field processes[].colour is new'));
  assert.ok(additions.includes('GET /api/v1/events: field <Event>.type may be move'));
  assert.ok(additions.includes('GET /api/v1/processes: parameter colour is new'));
  assert.ok(additions.includes('GET /api/v1/more is new'));
});
