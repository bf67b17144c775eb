// Gives a route of the contract its handler: the query and the parameters reach it checked.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { RouteAccess, RouteContract } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import { parseQuery } from './request-query.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may ask; a route without it is refused to everyone. */
    access?: RouteAccess;
  }
}

export interface RouteRequest<Contract extends RouteContract> {
  readonly query: z.output<Contract['query']>;
  readonly params: z.output<Contract['params']>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** No route takes a body: what is larger is not even read. */
const BODY_LIMIT_BYTES = 1024;

/** What the handler returns is sent as JSON; a stream's handler takes the reply over and returns nothing. */
export function addRoute<Contract extends RouteContract>(
  app: FastifyInstance,
  contract: Contract,
  handler: (request: RouteRequest<Contract>) => unknown,
): void {
  app.route({
    method: contract.method,
    url: contract.path,
    exposeHeadRoute: contract.method === 'GET' && !contract.stream,
    bodyLimit: BODY_LIMIT_BYTES,
    config: { access: contract.access },
    handler: (request, reply) => {
      if (request.body != null) throw new CognitodError('BAD_REQUEST', 'this route takes no body');
      return handler({
        query: parseQuery(contract.query, request.query) as z.output<Contract['query']>,
        params: parseQuery(contract.params, request.params) as z.output<Contract['params']>,
        request,
        reply,
      });
    },
  });
}
