// The OpenAPI document as a page for people. Without scripts and without anything from elsewhere.
import type { JsonSchema, OpenApiJson, OpenApiOperation, OpenApiResponse } from '../../api/index.ts';
import { type Html, html } from '../../lib/html.ts';

type Components = OpenApiJson['components'];

/** All of the page; it wants the style sheet at `/docs.css`. */
export function docsPage({ info, paths, components }: OpenApiJson): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} API</title>
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<header>
<h1>${info.title} API</h1>
${info.description.split('\n').map((line) => html`<p>${line}</p>`)}
<p>For programs: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a></p>
<nav aria-label="Routes"><ul>
${operations.map(
  ({ path, method, operation: { operationId, summary } }) =>
    html`<li><a href="#${operationId}"><code>${method.toUpperCase()} ${path}</code></a> ${summary}</li>\n`,
)}</ul></nav>
</header>
<main>
<h2>Routes</h2>
${operations.map(({ path, method, operation }) => route(path, method, operation))}
<h2>Documents</h2>
${Object.entries(components.schemas).map(([name, schema]) => documentSection(name, schema))}
<h2 id="errors">Errors</h2>
${errors(components)}
</main>
</body>
</html>
`.markup;
}

function route(path: string, method: string, operation: OpenApiOperation): Html {
  return html`<section id="${operation.operationId}">
<h3><code>${method.toUpperCase()} ${path}</code></h3>
<p>${operation.summary} ${accessText(operation.security)}</p>
${operation.parameters.length === 0 ? '' : parameterTable(operation)}
${Object.entries(operation.responses).flatMap(([status, response]) => answer(status, response))}
<p>Errors are <a href="#errors">problem documents</a>.</p>
</section>
`;
}

function accessText(security: OpenApiOperation['security']): string {
  if (security.length === 0) return 'Open to everyone.';
  const tokens = security.flatMap((entry) => Object.keys(entry));
  return tokens.includes('readToken')
    ? 'Where tokens are in use: the read or the admin token.'
    : 'Where tokens are in use: the admin token.';
}

function parameterTable({ parameters }: OpenApiOperation): Html {
  return table(
    ['parameter', 'type', 'meaning'],
    parameters.map(({ name, in: place, required, schema, description }) => [
      html`<code>${place === 'path' ? `{${name}}` : name}</code>${required && place === 'query' ? ' (needed)' : ''}`,
      typeOf(schema),
      html`${description ?? ''}`,
    ]),
  );
}

function answer(status: string, response: OpenApiResponse): Html[] {
  if ('$ref' in response) return [];
  return Object.entries(response.content).map(
    ([type, { schema }]) => html`<p>${status}: ${typeOf(schema)} as <code>${type}</code></p>\n`,
  );
}

function documentSection(name: string, schema: JsonSchema): Html {
  const fields = fieldsOf(schema, '');
  const body =
    fields.length === 0
      ? html`<p>${typeOf(schema)}</p>`
      : table(
          ['field', 'type', 'meaning'],
          fields.map(({ path, type, description }) => [
            html`<code>${path}</code>`,
            type,
            html`${description}`,
          ]),
        );
  return html`<section id="schema-${name}">\n<h3>${name}</h3>\n${body}\n</section>\n`;
}

interface Field {
  readonly path: string;
  readonly type: Html;
  readonly description: string;
}

/** The fields of an object and of the objects in it, in their order. */
function fieldsOf({ properties = {}, required = [] }: JsonSchema, prefix: string): Field[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${prefix}${name}${required.includes(name) ? '' : '?'}`;
    const field = { path, type: typeOf(schema), description: schema.description ?? '' };
    const inner = schema.properties === undefined ? schema.items : schema;
    return [field, ...fieldsOf(inner ?? {}, inner === schema ? `${path}.` : `${path}[].`)];
  });
}

/** The type in words, with links to the documents that it names. */
function typeOf(schema: JsonSchema): Html {
  const { $ref, type, items, anyOf, const: only, enum: values } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (anyOf !== undefined) return alternatives(anyOf.map(typeOf));
  if (only !== undefined) return codeOf(only);
  if (values !== undefined) return html`${alternatives(values.map(codeOf))}${bounds(schema)}`;
  if (items !== undefined) return html`list of ${typeOf(items)}`;
  const words = type === undefined ? 'anything' : [type].flat().join(' or ');
  return html`${words}${bounds(schema)}`;
}

function codeOf(value: unknown): Html {
  return html`<code>${String(value)}</code>`;
}

function alternatives(types: readonly Html[]): Html {
  return html`${types.map((type, index) => (index === 0 ? type : html` or ${type}`))}`;
}

function bounds({ format, minimum, maximum, maxLength, default: preset }: JsonSchema): string {
  const parts = [
    format,
    minimum === undefined ? undefined : `from ${minimum}`,
    maximum === undefined ? undefined : `to ${maximum}`,
    maxLength === undefined ? undefined : `at most ${maxLength} characters`,
    preset === undefined ? undefined : `default ${preset}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function errors({ responses }: Components): Html {
  return table(
    ['status', 'code', 'meaning'],
    Object.entries(responses).map(([name, { description, content }]) => [
      html`${name.replace('Problem', '')}`,
      codes(content),
      html`${description}`,
    ]),
  );
}

function codes(content: Record<string, { schema: JsonSchema }>): Html {
  const narrower = Object.values(content).flatMap(({ schema }) => schema.allOf ?? []);
  const values = narrower.flatMap(({ properties }) => properties?.code?.enum ?? []);
  return alternatives(values.map(codeOf));
}

function table(head: readonly string[], rows: readonly (readonly Html[])[]): Html {
  return html`<div class="wide" tabindex="0" role="group" aria-label="table"><table>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>
${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>`;
}
