// The document that the server gives, and the page that people read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiDocument } from '../../api/index.ts';
import { accessGuard } from '../../http/access.ts';
import { docsPage } from './docs-page.ts';
import { addDocsRoutes } from './docs-routes.ts';
import { html } from '../../lib/html.ts';
import { createHttpApp } from '../../http/http-app.ts';

function server() {
  const tokens = { read: () => 'secret', admin: null };
  const guard = accessGuard({ tokens, clientCertificates: null, peers: new WeakMap() });
  const { app } = createHttpApp({ error: () => {} }, { guard });
  addDocsRoutes(app);
  return app;
}

test('the document needs the read token; the page, which tells nothing of the node, needs none', async () => {
  const app = server();
  const headers = { authorization: 'Bearer secret' };
  const answer = await app.inject({ url: '/api/v1/openapi.json', headers });
  assert.deepEqual(answer.json(), JSON.parse(JSON.stringify(openApiDocument())));
  assert.equal((await app.inject('/api/v1/openapi.json')).statusCode, 401);
  const page = await app.inject('/docs');
  assert.equal(page.statusCode, 200);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.match((await app.inject('/docs.css')).headers['content-type'] as string, /^text\/css/);
});

test('the page runs no script, asks nobody else, and may not be framed', async () => {
  const { body, headers } = await server().inject('/docs');
  assert.match(
    headers['content-security-policy'] as string,
    /^default-src 'none'; style-src 'self'; .*frame-ancestors 'none'$/,
  );
  assert.doesNotMatch(body, /<script|\sstyle=|\son\w+=|javascript:/i);
  const targets = [...body.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1]!);
  assert.ok(targets.length > 20);
  for (const target of targets) assert.match(target, /^(#|\/)/);
  const ids = new Set([...body.matchAll(/id="([^"]*)"/g)].map((match) => `#${match[1]}`));
  for (const target of targets.filter((text) => text.startsWith('#'))) assert.ok(ids.has(target), target);
});

test('the page has every route, parameter, field and error code', () => {
  const document = openApiDocument();
  const page = docsPage(document);
  const { paths, components } = document;
  for (const [path, { get }] of Object.entries(paths)) {
    assert.ok(page.includes(`<code>GET ${path}</code>`), path);
    for (const { name } of get!.parameters) assert.match(page, new RegExp(`<code>\\{?${name}\\}?</code>`));
  }
  for (const { properties = {} } of Object.values(components.schemas)) {
    for (const name of Object.keys(properties)) assert.match(page, new RegExp(`<code>${name}\\??</code>`));
  }
  for (const code of components.schemas.Problem!.properties!.code!.enum!) {
    assert.ok(page.includes(`<code>${code}</code>`), String(code));
  }
});

test('whatever a document says is text on the page', () => {
  const hostile = `"><script>alert(1)</script><img src=x onerror='a'>&amp;`;
  const document = openApiDocument();
  const { get } = document.paths['/api/v1/processes']!;
  get!.summary = hostile;
  get!.operationId = hostile;
  get!.parameters[0] = {
    name: hostile,
    in: 'query',
    required: true,
    description: hostile,
    schema: { enum: [hostile], default: hostile },
  };
  document.components.schemas[hostile] = {
    properties: { [hostile]: { const: hostile, description: hostile } },
  };
  document.components.responses.Problem400!.description = hostile;
  document.info = { ...document.info, title: hostile, description: hostile };
  const page = docsPage(document);
  assert.doesNotMatch(page, /<script|<img|onerror='/);
  assert.ok(
    page.includes(
      '&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&amp;amp;',
    ),
  );
});

test('a template keeps markup of its own kind and escapes everything else', () => {
  const inner = html`<b>${'<i>'}</b>`;
  assert.equal(html`<p>${inner}${[inner, inner]}${3}</p>`.markup, `<p>${'<b>&lt;i&gt;</b>'.repeat(3)}3</p>`);
  const forged = { markup: '<script>' } as never;
  assert.throws(() => html`${forged}`);
});
