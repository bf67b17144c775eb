// The HTTP contract: schemas and types that server, command line and dashboard share.
export * from './activity.ts';
export * from './collected-data.ts';
export * from './compat.ts';
export * from './configuration.ts';
export * from './doctor.ts';
export * from './event.ts';
export * from './evidence.ts';
export * from './openapi.ts';
export * from './openapi-schema.ts';
export * from './problem.ts';
export * from './ledger.ts';
export * from './live.ts';
export * from './process.ts';
export type { PlaceQuery } from './query.ts';
export * from './route.ts';
export * from './routes.ts';
export * from './self-test.ts';
export * from './status.ts';
