// The OpenAPI 3.1 document, made from the table of routes and the schemas.
import { z } from 'zod';
import { activitySchema, placeActivitySchema, usageSchema } from './activity.ts';
import { eventSchema, gapSchema, SCHEMA_VERSION, streamReadySchema } from './event.ts';
import { evidenceContentSchema, evidenceRecordSchema, evidenceSchema } from './evidence.ts';
import type { JsonSchema, OpenApiJson, OpenApiOperation, OpenApiParameter } from './openapi-schema.ts';
import { codesOf, meaningOf, problemSchema, problemStatuses } from './problem.ts';
import { imageSchema, processPageSchema, processSchema, processTreeNodeSchema } from './process.ts';
import { MAX_ANSWER_BYTES, type RouteAccess, type RouteContract } from './route.ts';
import { routes } from './routes.ts';
import { lastSelfTestSchema, selfTestSchema } from './self-test.ts';
import { ledgerEntrySchema, ledgerSchema, privilegesSchema, statusSchema } from './status.ts';

/** Schemas with a name of their own; the answer of a route that is not here is named after the route. */
const NAMED: Readonly<Record<string, z.ZodType>> = {
  Activity: activitySchema,
  Event: eventSchema,
  Evidence: evidenceSchema,
  EvidenceContent: evidenceContentSchema,
  EvidenceRecord: evidenceRecordSchema,
  Gap: gapSchema,
  Image: imageSchema,
  LastSelfTest: lastSelfTestSchema,
  Ledger: ledgerSchema,
  LedgerEntry: ledgerEntrySchema,
  PlaceActivity: placeActivitySchema,
  Privileges: privilegesSchema,
  Problem: problemSchema,
  Process: processSchema,
  ProcessPage: processPageSchema,
  ProcessTree: processTreeNodeSchema,
  SelfTest: selfTestSchema,
  Status: statusSchema,
  StreamReady: streamReadySchema,
  Usage: usageSchema,
};

const DESCRIPTION = `What runs on this node, in which pod, and whether the agent has seen all of it.
Fields are only added within schema_version ${SCHEMA_VERSION}: ignore what you do not know.
No answer but a stream is larger than ${MAX_ANSWER_BYTES / 1024 ** 2} MiB.`;

/** Built anew at each call, which takes some milliseconds. */
export function openApiDocument(table: Readonly<Record<string, RouteContract>> = routes): OpenApiJson {
  const schemas = componentSchemas(table);
  const paths: OpenApiJson['paths'] = {};
  for (const [name, contract] of Object.entries(table)) {
    const path = contract.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [contract.method.toLowerCase()]: operation(name, contract) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'cognitod',
      version: String(SCHEMA_VERSION),
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative to where the document was read.
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      responses: Object.fromEntries(problemStatuses.map((status) => [`Problem${status}`, problem(status)])),
      securitySchemes: {
        readToken: { type: 'http', scheme: 'bearer', description: 'opens what only looks' },
        adminToken: { type: 'http', scheme: 'bearer', description: 'opens everything' },
      },
    },
  };
}

/** Without a token an agent answers on loopback only. */
const SECURITY: Readonly<Record<RouteAccess, OpenApiOperation['security']>> = {
  open: [],
  read: [{ readToken: [] }, { adminToken: [] }, {}],
  admin: [{ adminToken: [] }, {}],
};

function operation(name: string, contract: RouteContract): OpenApiOperation {
  const answer = { schema: { $ref: reference(componentName(name, contract)) } };
  const problems = problemStatuses.map((status) => [
    status,
    { $ref: `#/components/responses/Problem${status}` },
  ]);
  const others = Object.entries(contract.otherAnswers ?? {}).map(([status]) => [
    status,
    { description: 'the same document', content: { 'application/json': answer } },
  ]);
  return {
    operationId: name,
    summary: contract.summary,
    security: SECURITY[contract.access],
    parameters: [...parameters('path', contract.params), ...parameters('query', contract.query)],
    responses: {
      200: contract.stream
        ? { description: 'records, each as the data of one event', content: { 'text/event-stream': answer } }
        : { description: 'the document', content: { 'application/json': answer } },
      ...Object.fromEntries([...problems, ...others]),
    },
  };
}

function parameters(place: OpenApiParameter['in'], schema: z.ZodObject): OpenApiParameter[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', override: tidy });
  return Object.entries(properties as Record<string, JsonSchema>).map(([name, { description, ...type }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: type,
  }));
}

function problem(status: number) {
  const narrower = { properties: { status: { const: status }, code: { enum: codesOf(status) } } };
  const schema = { allOf: [{ $ref: reference('Problem') }, narrower] };
  return { description: meaningOf(status), content: { 'application/problem+json': { schema } } };
}

function componentSchemas(table: Readonly<Record<string, RouteContract>>): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });
  for (const [name, contract] of Object.entries(table)) {
    if (!registry.has(contract.answer)) registry.add(contract.answer, { id: componentName(name, contract) });
  }
  // As input: fields that come later must not make today's readers fail, so objects are not closed.
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: reference,
    override: tidy,
    unrepresentable: 'any',
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => [id, schema as JsonSchema]),
  );
}

function componentName(name: string, { answer }: RouteContract): string {
  const named = Object.entries(NAMED).find(([, schema]) => schema === answer);
  return named?.[0] ?? `${name[0]!.toUpperCase()}${name.slice(1)}Answer`;
}

const reference = (id: string) => `#/components/schemas/${id}`;

/**
 * Drops what says nothing to a reader: bounds of exact numbers, the pattern of a named format, that names are texts. Puts
 * the defaults back that the library leaves out where a text is turned into a number.
 */
function tidy({ zodSchema, jsonSchema }: Described): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  delete jsonSchema.propertyNames;
  if (zodSchema instanceof z.ZodDefault) jsonSchema.default = zodSchema.def.defaultValue;
}

interface Described {
  readonly zodSchema: unknown;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}
