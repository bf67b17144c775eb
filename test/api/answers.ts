// Asks every route of the contract and holds the answers against it, strictly: a field that is not published is a fault.
import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createParser } from 'eventsource-parser';
import {
  type JsonSchema,
  openApiDocument,
  problemSchema,
  type RouteContract,
  routes,
} from '../../src/api/index.ts';

export interface Asked {
  /** The agent's address. */
  readonly base: string;
  /** A live process, for the routes that want one. */
  readonly pid: number;
  readonly headers?: Record<string, string>;
  /** Makes events while a stream is read. */
  readonly stir: () => void;
}

const document = openApiDocument();

/** Validates against the published document, with every object closed. */
const validateAs = (() => {
  const ajv = new Ajv2020.default({ strict: true, allowUnionTypes: true });
  addFormats.default(ajv);
  ajv.addKeyword('components');
  ajv.addSchema({ $id: 'openapi', components: closed(document.components as unknown as JsonSchema) });
  return (name: string, value: unknown): string | null => {
    const validate = ajv.getSchema(`openapi#/components/schemas/${name}`)!;
    return validate(value) ? null : JSON.stringify(validate.errors);
  };
})();

function closed(schema: JsonSchema): JsonSchema {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(closed) as unknown as JsonSchema;
  const inner = Object.entries(schema).map(([key, value]) => [key, closed(value as JsonSchema)]);
  const copy: JsonSchema = Object.fromEntries(inner);
  // What narrows another schema (allOf) names only a part of the fields.
  const isWhole = typeof copy.required === 'object' && copy.additionalProperties === undefined;
  if (isWhole && copy.type === 'object') copy.additionalProperties = false;
  return copy;
}

/** What is wrong with an answer; null when it is exactly as published. */
export function fault(contract: RouteContract, answer: unknown): string | null {
  const { schema } = contentOf(contract);
  const parsed = contract.answer.safeParse(answer);
  if (!parsed.success) return parsed.error.message;
  // Parsing drops what the schema does not know.
  if (!isDeepStrictEqual(parsed.data, answer)) return 'it has fields that are not published';
  return validateAs(schema.$ref!.slice(schema.$ref!.lastIndexOf('/') + 1), answer);
}

function contentOf({ path, method }: RouteContract): { schema: JsonSchema } {
  const operation = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]![method.toLowerCase()]!;
  const response = operation.responses['200']!;
  assert.ok(!('$ref' in response));
  return Object.values(response.content)[0]!;
}

/** Asks all routes; fails at the first answer that is not as published. Returns how many were asked. */
export async function checkAnswers(asked: Asked): Promise<number> {
  const contracts = Object.values<RouteContract>(routes);
  for (const contract of contracts) {
    const path = contract.path.replaceAll(/:\w+/g, String(asked.pid));
    const records = contract.stream
      ? await readRecords(asked, path)
      : [await readDocument(asked, path, contract.method)];
    for (const record of records) {
      assert.equal(fault(contract, record), null, `${path} ${JSON.stringify(record).slice(0, 2000)}`);
    }
  }
  return contracts.length;
}

async function readDocument({ base, headers = {} }: Asked, path: string, method: string): Promise<unknown> {
  const response = await fetch(base + path, { headers, method });
  assert.match(response.headers.get('content-type')!, /^application\/json/, path);
  // 503: an agent that does not see the whole node is not ready.
  assert.ok(
    response.status === 200 || (path === '/readyz' && response.status === 503),
    `${path} ${response.status}`,
  );
  return response.json();
}

/** The first records of a stream, at least one of them made by `stir`. */
async function readRecords({ base, headers = {}, stir }: Asked, path: string): Promise<unknown[]> {
  const request = get(base + path, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.match(response.headers['content-type']!, /^text\/event-stream/, path);
  const records: unknown[] = [];
  const parser = createParser({ onEvent: ({ data }) => records.push(JSON.parse(data)) });
  stir();
  for await (const chunk of response.setEncoding('utf8')) {
    parser.feed(chunk);
    if (records.length >= 2) break;
  }
  request.destroy();
  return records;
}

/** The problem document of an answer that must be one. */
export async function readProblem(response: Response) {
  assert.match(response.headers.get('content-type')!, /^application\/problem\+json/);
  const problem = problemSchema.strict().parse(await response.json());
  assert.equal(problem.status, response.status);
  assert.equal(validateAs('Problem', problem), null);
  return problem;
}
