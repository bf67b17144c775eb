// `/api/v1/openapi.json` and the page that people read at `/docs`.
import type { FastifyInstance } from 'fastify';
import { openApiDocument, routes } from '../../api/index.ts';
import { docsPage } from './docs-page.ts';
import { DOCS_STYLE } from './docs-style.ts';
import { addRoute } from '../../http/index.ts';

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/**
 * The page and its style are open: they tell nothing of the node, and a browser that follows a link sends no token. Both
 * texts are made when somebody asks for the first time.
 */
export function addDocsRoutes(app: FastifyInstance): void {
  let page: string | undefined;
  let document: ReturnType<typeof openApiDocument> | undefined;
  const documentOnce = () => {
    document ??= openApiDocument();
    return document;
  };
  addRoute(app, routes.openapi, documentOnce);
  const open = { config: { access: 'open' } } as const;
  app.get('/docs', open, (_request, reply) => {
    page ??= docsPage(documentOnce());
    return reply.headers(PAGE_HEADERS).send(page);
  });
  app.get('/docs.css', open, (_request, reply) =>
    reply.header('content-type', 'text/css; charset=utf-8').send(DOCS_STYLE),
  );
}
