// Every route that the API server serves, not only those that somebody thought of: who may ask, and who may not.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { type RouteContract, routes } from '../api/index.ts';
import { type ApiServer, createApiServer } from './api-server.ts';
import { FakeAgent, streamSettings } from './fake-agent.fixture.ts';
import type { ServedRoute } from '../http/http-app.ts';

const TOKENS = { read: 'the-read-token', admin: 'the-admin-token' };
const CONTRACTS: readonly RouteContract[] = Object.values(routes);
const agent = new FakeAgent();
const { pid } = agent.model.add();
const withTokens = serve({ read: () => TOKENS.read, admin: () => TOKENS.admin });
const withoutTokens = serve(null);
let url: string;
let openUrl: string;
before(async () => {
  url = (await withTokens.listen()).url;
  openUrl = (await withoutTokens.listen()).url;
});
after(() => Promise.all([withTokens.close(), withoutTokens.close()]));

function serve(tokens: Parameters<typeof createApiServer>[0]['tokens']): ApiServer {
  return createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens,
    view: agent,
    log: { error: () => {} },
    streams: streamSettings,
  });
}

/** The status of the answer; streams are left when their head has come. */
function statusOf(base: string, route: ServedRoute, headers: Record<string, string> = {}): Promise<number> {
  const path = route.url.replaceAll(/:\w+/g, String(pid)).replaceAll('*', 'x');
  return new Promise((resolve, reject) => {
    const request = httpRequest(base + path, { method: route.method, headers, agent: false }, (response) => {
      resolve(response.statusCode!);
      response.destroy();
    });
    request.on('error', reject).end();
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const isIn = (status: number) => status !== 401 && status !== 403;

/** What is wrong with the decisions about these routes. */
function undecided(served: readonly ServedRoute[]): string[] {
  return served.flatMap(({ method, url: pattern, access }) => {
    const contract = CONTRACTS.find(
      (entry) => entry.path === pattern && entry.method === (method === 'HEAD' ? 'GET' : method),
    );
    const name = `${method} ${pattern}`;
    if (access === undefined) return [`${name}: nobody has decided who may ask`];
    if (contract !== undefined && contract.access !== access) return [`${name}: not as the contract says`];
    return contract === undefined && pattern.startsWith('/api/') ? [`${name}: not in src/api/routes.ts`] : [];
  });
}

test('somebody has decided about every route, and the table has all of the API', () => {
  assert.deepEqual(undecided(withTokens.served), []);
  const methods = new Set(withTokens.served.map(({ method, url: pattern }) => `${method} ${pattern}`));
  for (const { method, path } of CONTRACTS) assert.ok(methods.has(`${method} ${path}`), `${path} is served`);
  assert.deepEqual(
    undecided([
      { method: 'GET', url: '/forgotten', access: undefined },
      { method: 'GET', url: '/api/v1/unlisted', access: 'read' },
      { method: 'HEAD', url: '/api/v1/status', access: 'open' },
    ]),
    [
      'GET /forgotten: nobody has decided who may ask',
      'GET /api/v1/unlisted: not in src/api/routes.ts',
      'HEAD /api/v1/status: not as the contract says',
    ],
  );
});

test('what is open without a token tells nothing of single processes', () => {
  const open = withTokens.served.filter(({ access }) => access === 'open').map((route) => route.url);
  const other = open.filter((url) => !url.startsWith('/assets/'));
  assert.deepEqual([...new Set(other)].sort(), ['/', '/docs', '/docs.css', '/healthz', '/readyz']);
});

test('each route lets in exactly whom it should', async () => {
  assert.ok(withTokens.served.length > 15);
  for (const route of withTokens.served) {
    const name = `${route.method} ${route.url}`;
    const isOpen = route.access === 'open';
    const wrong = [
      {},
      bearer('wrong'),
      bearer(''),
      bearer(`${TOKENS.admin}x`),
      { authorization: TOKENS.admin },
    ];
    for (const headers of wrong) {
      const status = await statusOf(url, route, headers);
      assert.equal(
        isOpen ? isIn(status) : status === 401,
        true,
        `${name} ${JSON.stringify(headers)} ${status}`,
      );
    }
    const read = await statusOf(url, route, bearer(TOKENS.read));
    assert.equal(route.access === 'admin' ? read === 403 : isIn(read), true, `${name} read token: ${read}`);
    assert.ok(isIn(await statusOf(url, route, bearer(TOKENS.admin))), `${name} admin token`);
  }
});

test('without tokens each route answers this machine, and no page from elsewhere', async () => {
  for (const route of withoutTokens.served) {
    const name = `${route.method} ${route.url}`;
    assert.ok(isIn(await statusOf(openUrl, route)), name);
    assert.equal(await statusOf(openUrl, route, { host: 'rebound.example' }), 403, name);
  }
});
