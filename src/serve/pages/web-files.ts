// The files of the dashboard: read once, when the API starts, and served from memory. No path of a request reaches a file system.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const ENCODINGS = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const;
type Encoding = (typeof ENCODINGS)[number]['name'] | 'identity';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** As Vite names what is never changed: `index-5S8SnkVU.css`. */
const HASHED_NAME = /-[\w-]{8}\.[a-z]+$/;

/**
 * Pages may load and ask only what this listener serves; no inline script or style, nobody may frame them, and the browser
 * refuses every way of making HTML of a text (trusted types).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
};

/** One file, in every encoding that the build made. */
export interface WebFile {
  readonly type: string;
  readonly bodies: Partial<Record<Encoding, Buffer>> & { readonly identity: Buffer };
  /** Hash of the content; each encoding has its own tag made of it. */
  readonly hash: string;
  /** Its name changes with its content, so that it can be kept for ever. */
  readonly immutable: boolean;
}

/** By path, `/` for the page itself. Empty when the dashboard was not built. */
export type WebFiles = ReadonlyMap<string, WebFile>;

/** Below the program in images and in the Debian package (dist/web), where files keep their places; in build/ in a checkout. */
export function findWebDirectory(): string {
  const below = join(import.meta.dirname, '../../web');
  return existsSync(join(below, 'index.html')) ? below : join(import.meta.dirname, '../../../build/web');
}

/** Reads what `make web` has made: index.html and assets/. */
export function readWebFiles(directory: string): WebFiles {
  const files = new Map<string, WebFile>();
  const add = (path: string, name: string) => {
    const type = TYPES[extname(name)];
    if (type !== undefined) files.set(path, readWebFile(join(directory, name), type));
  };
  try {
    for (const name of readdirSync(join(directory, 'assets'))) add(`/assets/${name}`, `assets/${name}`);
    add('/', 'index.html');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return new Map();
  }
  return files;
}

function readWebFile(path: string, type: string): WebFile {
  const identity = readFileSync(path);
  const bodies: WebFile['bodies'] = { identity };
  for (const { name, suffix } of ENCODINGS) {
    if (existsSync(path + suffix)) bodies[name] = readFileSync(path + suffix);
  }
  const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 22);
  return { type, bodies, hash, immutable: HASHED_NAME.test(path) };
}

/**
 * `/` and `/assets/…`. They are open to everyone who reaches the listener, also where a token is needed: they are the same in
 * every installation and hold nothing of the node, and a browser cannot send a token before it has the page that asks for it.
 */
export function addWebFiles(app: FastifyInstance, files: WebFiles): void {
  const open = { config: { access: 'open' }, exposeHeadRoute: true } as const;
  app.get('/', open, (request, reply) => {
    const page = files.get('/');
    return page === undefined ? sendNotBuilt(reply) : sendFile(request, reply, page);
  });
  for (const [path, file] of files) {
    if (path !== '/') app.get(path, open, (request, reply) => sendFile(request, reply, file));
  }
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: WebFile): FastifyReply {
  const encoding = bestEncoding(request.headers['accept-encoding'] ?? '', file);
  const tag = `"${file.hash}-${encoding}"`;
  reply
    .headers(SECURITY_HEADERS)
    .header('vary', 'accept-encoding')
    .header('etag', tag)
    .header('cache-control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  const known = request.headers['if-none-match']?.split(',').map((one) => one.trim().replace(/^W\//, ''));
  if (known?.some((one) => one === tag || one === '*')) return reply.code(304).send();
  if (encoding !== 'identity') reply.header('content-encoding', encoding);
  return reply.type(file.type).send(file.bodies[encoding]);
}

/** The smallest that the client takes (RFC 9110, 12.5.3); identity when it wants none of ours. */
export function bestEncoding(accepted: string, { bodies }: Pick<WebFile, 'bodies'>): Encoding {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map((text) => text.trim());
    const weight = parameters.find((text) => text.startsWith('q='))?.slice(2) ?? '1';
    weights.set(name!, Number(weight));
  }
  const takes = (name: string) => (weights.get(name) ?? weights.get('*') ?? 0) > 0;
  return ENCODINGS.find(({ name }) => bodies[name] !== undefined && takes(name))?.name ?? 'identity';
}

function sendNotBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .code(503)
    .headers(SECURITY_HEADERS)
    .type('text/html; charset=utf-8')
    .send(
      '<!doctype html><html lang="en"><title>cognitod</title><h1>The dashboard is not built</h1>' +
        '<p>The agent runs, and its API answers: <a href="/api/v1/status">/api/v1/status</a>.' +
        '<p>In a checkout, run <code>make web</code> and start the agent again.',
    );
}
