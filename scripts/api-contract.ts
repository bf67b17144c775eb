// What the API has published, and which changes of it break those who rely on it.
import type { JsonSchema, OpenApiJson, OpenApiOperation } from '../src/api/index.ts';

export interface Changes {
  /** Would break clients; each says what, in words. */
  readonly breaking: readonly string[];
  readonly additions: readonly string[];
}

/** A parameter or a field, as far as clients rely on it. */
interface Published {
  readonly type: string;
  readonly required: boolean;
  readonly values: readonly string[];
  /** Of parameters: what is accepted. */
  readonly min: number;
  readonly max: number;
}

interface Route {
  /** Ways to be let in; fewer are a change. */
  readonly access: readonly string[];
  readonly parameters: ReadonlyMap<string, Published>;
  readonly fields: ReadonlyMap<string, Published>;
}

/** Descriptions, names of schemas and the order of fields do not count. */
export function compareContracts(before: OpenApiJson, now: OpenApiJson): Changes {
  const breaking: string[] = [];
  const additions: string[] = [];
  const [old, current] = [routesOf(before), routesOf(now)];
  for (const [name, route] of old) {
    const next = current.get(name);
    if (next === undefined) {
      breaking.push(`${name} is gone`);
      continue;
    }
    if (!route.access.every((way) => next.access.includes(way))) {
      breaking.push(
        `${name} is open to fewer: ${next.access.join(', ')} instead of ${route.access.join(', ')}`,
      );
    }
    compareParameters(`${name}: parameter `, route.parameters, next.parameters, breaking, additions);
    compareFields(`${name}: field `, route.fields, next.fields, breaking, additions);
  }
  for (const name of current.keys()) if (!old.has(name)) additions.push(`${name} is new`);
  return { breaking, additions };
}

type Fields = ReadonlyMap<string, Published>;

function compareParameters(
  prefix: string,
  before: Fields,
  now: Fields,
  breaking: string[],
  additions: string[],
): void {
  for (const [name, old] of before) {
    const next = now.get(name);
    const tell = (what: string) => breaking.push(`${prefix}${name} ${what}`);
    if (next === undefined) {
      tell('is gone');
      continue;
    }
    if (next.type !== old.type) tell(`was ${old.type} and is ${next.type}`);
    if (next.required && !old.required) tell('is needed now');
    if (next.min > old.min || next.max < old.max) tell('takes less than before');
    const refused = old.values.filter((value) => !next.values.includes(value));
    if (refused.length > 0) tell(`does not take ${refused.join(', ')} any more`);
  }
  for (const [name, { required }] of now) {
    if (before.has(name)) continue;
    (required ? breaking : additions).push(`${prefix}${name} is new${required ? ' and needed' : ''}`);
  }
}

function compareFields(
  prefix: string,
  before: Fields,
  now: Fields,
  breaking: string[],
  additions: string[],
): void {
  for (const [name, old] of before) {
    const next = now.get(name);
    const tell = (what: string) => breaking.push(`${prefix}${name} ${what}`);
    if (next === undefined) {
      tell('is gone');
      continue;
    }
    if (next.type !== old.type) tell(`was ${old.type} and is ${next.type}`);
    if (old.required && !next.required) tell('may be missing now');
    const gone = old.values.filter((value) => !next.values.includes(value));
    if (gone.length > 0) tell(`is never ${gone.join(', ')} any more`);
    const fresh = next.values.filter((value) => !old.values.includes(value));
    if (fresh.length > 0) additions.push(`${prefix}${name} may be ${fresh.join(', ')}`);
  }
  for (const name of now.keys()) if (!before.has(name)) additions.push(`${prefix}${name} is new`);
}

function routesOf(document: OpenApiJson): Map<string, Route> {
  return new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        routeOf(operation, document.components.schemas),
      ]),
    ),
  );
}

function routeOf({ security, parameters, responses }: OpenApiOperation, schemas: Schemas): Route {
  const fields = new Map<string, Published>();
  for (const [status, response] of Object.entries(responses)) {
    if ('$ref' in response) continue;
    const prefix = status === '200' ? '' : `${status} `;
    for (const { schema } of Object.values(response.content)) {
      collect(schema, prefix, true, { schemas, fields, within: [] });
    }
  }
  return {
    access: security.length === 0 ? ['anyone'] : security.map((way) => Object.keys(way)[0] ?? 'loopback'),
    parameters: new Map(parameters.map(({ name, required, schema }) => [name, published(schema, required)])),
    fields,
  };
}

type Schemas = OpenApiJson['components']['schemas'];

interface Walk {
  readonly schemas: Schemas;
  readonly fields: Map<string, Published>;
  /** References on the way: a schema may contain itself. */
  readonly within: readonly string[];
}

/** Notes a schema and all in it, as paths like `processes[].pid`. */
function collect(schema: JsonSchema, path: string, required: boolean, walk: Walk): void {
  const { $ref } = schema;
  if ($ref !== undefined) {
    if (walk.within.includes($ref)) return;
    const target = walk.schemas[$ref.slice($ref.lastIndexOf('/') + 1)]!;
    collect(target, path, required, { ...walk, within: [...walk.within, $ref] });
    return;
  }
  walk.fields.set(path, published(schema, required));
  const { properties = {}, required: needed = [], items, anyOf = [], additionalProperties } = schema;
  for (const [name, property] of Object.entries(properties)) {
    collect(property, path === '' ? name : `${path}.${name}`, needed.includes(name), walk);
  }
  if (items !== undefined) collect(items, `${path}[]`, true, walk);
  if (typeof additionalProperties === 'object') collect(additionalProperties, `${path}{}`, true, walk);
  for (const variant of anyOf) collect(variant, `${path}<${variantName(variant)}>`, true, walk);
}

const variantName = ({ $ref, type }: JsonSchema) =>
  $ref === undefined ? String(type) : $ref.slice($ref.lastIndexOf('/') + 1);

function published(schema: JsonSchema, required: boolean): Published {
  const { type, format, anyOf, const: only, enum: values } = schema;
  const fixed = values ?? (only === undefined ? [] : [only]);
  const types = anyOf === undefined ? [type ?? 'anything'].flat() : anyOf.map(variantName);
  const { minimum, minLength, maximum, maxLength } = schema as Record<string, number | undefined>;
  return {
    type: [...types].sort().join(' or ') + (format === undefined ? '' : ` (${format})`),
    required,
    values: fixed.map(String),
    min: minimum ?? minLength ?? Number.NEGATIVE_INFINITY,
    max: maximum ?? maxLength ?? Number.POSITIVE_INFINITY,
  };
}
