// Every route of the API, in one table.
import { z } from 'zod';
import { activityQuerySchema, activitySchema } from './activity.ts';
import { configurationSchema } from './configuration.ts';
import { doctorSchema } from './doctor.ts';
import { eventQuerySchema, eventSchema, gapSchema, streamReadySchema } from './event.ts';
import { evidenceQuerySchema, evidenceSchema } from './evidence.ts';
import { openApiSchema } from './openapi-schema.ts';
import { liveQuerySchema, liveRecordSchema } from './live.ts';
import { processPageSchema, processQuerySchema, processSchema, processTreeSchema } from './process.ts';
import { type Asked, noParams, noQuery, type RouteContract } from './route.ts';
import { lastSelfTestSchema, selfTestSchema } from './self-test.ts';
import { healthSchema, readySchema, statusSchema } from './status.ts';

const processParams = z.strictObject({ id: z.string().min(1).max(128).describe('a pid or a process id') });

const defaults = { method: 'GET', access: 'read', query: noQuery, params: noParams, stream: false } as const;

export const routes = {
  health: {
    ...defaults,
    access: 'open',
    path: '/healthz',
    summary: 'Whether the agent is alive.',
    answer: healthSchema,
  },
  ready: {
    ...defaults,
    access: 'open',
    path: '/readyz',
    summary: 'Whether the whole node is seen; 503 with the reasons when not.',
    answer: readySchema,
    otherAnswers: { 503: readySchema },
  },
  openapi: {
    ...defaults,
    path: '/api/v1/openapi.json',
    summary: 'This interface as an OpenAPI 3.1 document.',
    answer: openApiSchema,
  },
  status: {
    ...defaults,
    path: '/api/v1/status',
    summary: 'The agent, its ledger and what it holds.',
    answer: statusSchema,
  },
  processes: {
    ...defaults,
    path: '/api/v1/processes',
    summary: 'A page of processes, filtered.',
    query: processQuerySchema,
    answer: processPageSchema,
  },
  liveProcesses: {
    ...defaults,
    path: '/api/v1/processes/live',
    summary: 'The live list of processes: a snapshot, then what changes (server-sent events).',
    query: liveQuerySchema,
    answer: liveRecordSchema,
    stream: true,
  },
  process: {
    ...defaults,
    path: '/api/v1/processes/:id',
    summary: 'One process with all its images.',
    params: processParams,
    answer: processSchema,
  },
  processTree: {
    ...defaults,
    path: '/api/v1/processes/:id/tree',
    summary: 'One process with its ancestors and descendants.',
    params: processParams,
    answer: processTreeSchema,
  },
  events: {
    ...defaults,
    path: '/api/v1/events',
    summary: 'The event stream (server-sent events); with Last-Event-ID it goes on where it broke off.',
    query: eventQuerySchema,
    answer: z.union([streamReadySchema, eventSchema, gapSchema]),
    stream: true,
  },
  activity: {
    ...defaults,
    path: '/api/v1/activity',
    summary: 'What pods, containers and services do: counts, rates, CPU and memory.',
    query: activityQuerySchema,
    answer: activitySchema,
  },
  evidence: {
    ...defaults,
    path: '/api/v1/evidence',
    summary: 'The records for the auditor.',
    query: evidenceQuerySchema,
    answer: evidenceSchema,
  },
  doctor: {
    ...defaults,
    path: '/api/v1/doctor',
    summary: 'What is right and what is wrong with agent and node; without a process of its own.',
    answer: doctorSchema,
  },
  lastSelfTest: {
    ...defaults,
    path: '/api/v1/self-test',
    summary: 'The last self-test since the start of the agent.',
    answer: lastSelfTestSchema,
  },
  selfTest: {
    ...defaults,
    method: 'POST',
    access: 'admin',
    path: '/api/v1/self-test',
    summary:
      'Starts a harmless process that ends by itself, and tells whether its events were seen; at most one a second.',
    answer: selfTestSchema,
  },
  // Whoever may see every process, and the configuration in the evidence, may see it here: it has no secret in it.
  configuration: {
    ...defaults,
    path: '/api/v1/configuration',
    summary: 'The configuration in effect and where each value is from; secrets are masked.',
    answer: configurationSchema,
  },
} as const satisfies Record<string, RouteContract>;

type Routes = typeof routes;
/** What a route answers, and what it can be asked, by its name. */
export type RouteAnswer<Name extends keyof Routes> = z.output<Routes[Name]['answer']>;
export type RouteAsked<Name extends keyof Routes> = Asked<Routes[Name]>;
