// What answers the routes of the API that are documents: one entry for each, and the compiler misses one that is left out.
import type { FastifyInstance } from 'fastify';
import { routes } from '../api/index.ts';
import { processDetailJson } from '../encode/index.ts';
import { addRoute, type RouteRequest } from '../http/index.ts';
import type { AgentView } from './agent-view.ts';
import { activityJson } from './answers/activity.ts';
import { measuredProcessPage } from './answers/process-page.ts';
import { findProcess, processTree } from './answers/process-tree.ts';

type Routes = typeof routes;
/** Probes and the description of the API are served beside it; streams take their connection over. */
type Elsewhere = 'health' | 'ready' | 'openapi';
type DocumentName = {
  [Name in keyof Routes]: Routes[Name]['stream'] extends true ? never : Name;
}[Exclude<keyof Routes, Elsewhere>];

/** `run` marks the cursors of this run of the agent. */
type Handler<Name extends DocumentName> = (
  view: AgentView,
  request: RouteRequest<Routes[Name]>,
  run: string,
) => unknown;

const DOCUMENTS: { readonly [Name in DocumentName]: Handler<Name> } = {
  status: (view) => view.status(),
  processes: (view, { query }, run) => measuredProcessPage(view, query, run),
  process: ({ model }, { params }) => processDetailJson(findProcess(model, params.id), model),
  processTree: ({ model }, { params }) => processTree(model, findProcess(model, params.id)),
  activity: (view, { query }) => activityJson(view, query),
  evidence: (view, { query }) => view.evidence(query),
  doctor: (view) => view.doctor(),
  lastSelfTest: (view) => view.lastSelfTest(),
  selfTest: (view) => view.selfTest(),
  configuration: (view) => view.configuration(),
};

export function addDocuments(app: FastifyInstance, view: AgentView, run: string): void {
  const add = <Name extends DocumentName>(name: Name) =>
    addRoute(app, routes[name] as Routes[Name], (request) => DOCUMENTS[name](view, request, run));
  for (const name of Object.keys(DOCUMENTS) as DocumentName[]) add(name);
}
